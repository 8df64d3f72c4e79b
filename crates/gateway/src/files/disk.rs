//! Looking for a file on the disk.

use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::asset::Asset;
use super::{INDEX, is_servable};

/// Files up to this size are kept in memory; larger ones are streamed.
const MAX_IN_MEMORY: u64 = 1024 * 1024;

/// What lies under a name.
pub(super) enum Found {
    Asset(Arc<Asset>),
    /// A directory with an index page.
    Directory,
    Nothing,
}

/// By what a changed file is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) modified: Option<SystemTime>,
    pub(super) length: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len() }
    }
}

/// Looks for a file below `root`, which is canonical; `known` is what lay there before. Blocks.
pub(super) fn look(root: &Path, name: &str, known: Option<Arc<Asset>>) -> Found {
    // The canonical path has no links left: what lies outside of the root, or is hidden in it, is not found.
    let Ok(path) = root.join(name).canonicalize() else { return Found::Nothing };
    let Ok(inside) = path.strip_prefix(root) else { return Found::Nothing };
    let Ok(metadata) = fs::metadata(&path) else { return Found::Nothing };
    if !inside.components().all(|part| part.as_os_str().to_str().is_some_and(is_servable)) {
        return Found::Nothing;
    }
    if metadata.is_dir() {
        return if path.join(INDEX).is_file() { Found::Directory } else { Found::Nothing };
    }
    if !metadata.is_file() {
        return Found::Nothing;
    }
    let stamp = Stamp::of(&metadata);
    if let Some(known) = known.filter(|known| known.stamp() == Some(stamp)) {
        return Found::Asset(known);
    }
    if stamp.length > MAX_IN_MEMORY {
        return Found::Asset(Arc::new(Asset::on_disk(name, path, stamp)));
    }
    match fs::read(&path) {
        Ok(content) => Found::Asset(Arc::new(Asset::in_memory(name, &content.into(), Some(stamp)))),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a file of the app cannot be read");
            Found::Nothing
        }
    }
}
