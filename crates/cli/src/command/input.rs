//! Values that may be secret or long: `-` is standard input, `@FILE` a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::failure::Failure;

/// The most that is read, in bytes.
const MAX: u64 = 64 * 1024;

/// Reads an argument that is a value, `-` or `@FILE`; absent is `-`.
pub(super) fn value(argument: Option<&str>) -> Result<String, Failure> {
    match argument {
        None | Some("-") => Ok(read(std::io::stdin().lock(), "standard input")?),
        Some(argument) => match argument.strip_prefix('@') {
            Some(path) => Ok(file(Path::new(path))?),
            None => Ok(argument.to_owned()),
        },
    }
}

/// Reads a secret: `-` or `@FILE`, never the value itself.
pub(super) fn secret(flag: &str, argument: &str) -> Result<String, Failure> {
    if argument == "-" || argument.starts_with('@') {
        return value(Some(argument));
    }
    Err(Failure::Usage(format!(
        "{flag} takes @FILE, or - for standard input: a secret on the command line can be read by others on this machine"
    )))
}

fn file(path: &Path) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {name}"))?;
    read(file, &name)
}

/// The line break at the end is not part of a value.
fn read(source: impl std::io::Read, name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let length = source.take(MAX + 1).read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    ensure!(length as u64 <= MAX, "{name} is too large");
    let end = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text)).len();
    text.truncate(end);
    Ok(text)
}
