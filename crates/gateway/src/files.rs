//! The app as static files, from a directory or from inside this program.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;

use crate::config::ConfigError;
use crate::notice::{Audience, Notice};

mod asset;
mod cache;
mod disk;
mod range;

use asset::Asset;
use cache::Cache;
use disk::Found;

/// How long a file is served without looking whether it has changed.
const FRESH: Duration = Duration::from_secs(1);

/// What a directory is shown as, and what a client-side route is answered with.
const INDEX: &str = "index.html";

/// The files of an app.
pub(crate) struct Files {
    place: Place,
    cache: Cache,
}

enum Place {
    /// A directory, as a canonical path.
    Directory(Arc<PathBuf>),
    Program(HashMap<&'static str, &'static [u8]>),
}

impl Files {
    /// Serves a directory.
    pub(crate) fn directory(root: PathBuf) -> Result<Self, ConfigError> {
        match root.canonicalize().and_then(|canonical| canonical.read_dir().map(|_| canonical)) {
            Ok(canonical) => Ok(Self { place: Place::Directory(Arc::new(canonical)), cache: Cache::default() }),
            Err(source) => Err(ConfigError::Root { path: root, source }),
        }
    }

    /// Serves files of this program.
    pub(crate) fn embedded(files: &'static [(&'static str, &'static [u8])]) -> Self {
        Self { place: Place::Program(files.iter().copied().collect()), cache: Cache::default() }
    }

    /// Answers with a file.
    pub(crate) async fn answer(&self, request: &Parts, audience: Audience) -> Response {
        if request.method != Method::GET && request.method != Method::HEAD {
            return ([(header::ALLOW, "GET, HEAD")], only_read()).into_response();
        }
        let path = request.uri.path();
        let Some(name) = name_of(path) else { return nothing().into_response() };
        match self.find(&name).await {
            Found::Asset(asset) => asset.answer(&request.method, &request.headers).await,
            Found::Directory => to_directory(request),
            Found::Nothing => self.fall_back(request, audience).await,
        }
    }

    /// A client-side route is answered with the index page; what looks like a file, or is not a document, is not.
    async fn fall_back(&self, request: &Parts, audience: Audience) -> Response {
        let last = request.uri.path().rsplit('/').next().unwrap_or_default();
        let is_route = audience == Audience::Person && !last.contains('.');
        if !is_route {
            return nothing().into_response();
        }
        match self.find(INDEX).await {
            Found::Asset(asset) => asset.answer(&request.method, &request.headers).await,
            Found::Directory | Found::Nothing => no_index().into_response(),
        }
    }

    async fn find(&self, name: &str) -> Found {
        let now = Instant::now();
        let known = self.cache.get(name);
        let root = match &self.place {
            Place::Program(files) => return self.find_embedded(files, name, known.map(|(asset, _)| asset)).await,
            Place::Directory(root) => Arc::clone(root),
        };
        if let Some((asset, _)) = known.as_ref().filter(|(_, checked)| now.duration_since(*checked) < FRESH) {
            return Found::Asset(Arc::clone(asset));
        }
        let known = known.map(|(asset, _)| asset);
        let wanted = name.to_owned();
        let found = tokio::task::spawn_blocking(move || disk::look(&root, &wanted, known)).await;
        let found = found.unwrap_or(Found::Nothing);
        match &found {
            Found::Asset(asset) => self.cache.put(name, asset, now),
            Found::Directory | Found::Nothing => self.cache.forget(name),
        }
        found
    }

    async fn find_embedded(
        &self,
        files: &HashMap<&'static str, &'static [u8]>,
        name: &str,
        known: Option<Arc<Asset>>,
    ) -> Found {
        if let Some(asset) = known {
            return Found::Asset(asset);
        }
        let Some((name, content)) = files.get_key_value(name) else {
            let index = format!("{name}/{INDEX}");
            return if files.contains_key(index.as_str()) { Found::Directory } else { Found::Nothing };
        };
        let (name, content) = (*name, *content);
        let made =
            tokio::task::spawn_blocking(move || Asset::in_memory(name, &Bytes::from_static(content), None)).await;
        let Ok(asset) = made.map(Arc::new) else { return Found::Nothing };
        self.cache.put(name, &asset, Instant::now());
        Found::Asset(asset)
    }
}

/// The file that a path stands for, relative to the root; `None` where there cannot be one.
fn name_of(path: &str) -> Option<String> {
    let decoded = percent_decode_str(path.strip_prefix('/')?).decode_utf8().ok()?;
    let mut name = decoded.into_owned();
    if name.is_empty() || name.ends_with('/') {
        name.push_str(INDEX);
    }
    name.split('/').all(is_servable).then_some(name)
}

/// Hidden files stay hidden, except for the well-known ones (RFC 8615).
fn is_servable(segment: &str) -> bool {
    let is_plain = !segment.is_empty() && !segment.contains(['\\', '\0']);
    is_plain && (!segment.starts_with('.') || segment == ".well-known")
}

/// With the slash, so that relative links of the page are right.
fn to_directory(request: &Parts) -> Response {
    let uri = &request.uri;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{}/{query}", uri.path())) {
        Ok(location) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response(),
        Err(_) => nothing().into_response(),
    }
}

fn nothing() -> Notice {
    let advice = "Check the address; file names are compared letter by letter.";
    Notice::problem(StatusCode::NOT_FOUND, "not_found", "The app has nothing at this address.", advice)
}

fn no_index() -> Notice {
    let advice = "Put an index.html into the directory that app.root names.";
    Notice::problem(StatusCode::NOT_FOUND, "no_index", "The app has no index.html.", advice)
}

fn only_read() -> Notice {
    let sentence = "This app consists of files, which can only be read.";
    Notice::problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", sentence, "Use GET.")
}
