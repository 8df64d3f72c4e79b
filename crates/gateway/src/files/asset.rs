//! One file as it is served: type, content, encodings, tag.

use std::fmt::Write as _;
use std::io::{SeekFrom, Write};
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::headers::ROOM;

use super::disk::Stamp;
use super::range::{Range, Wanted};

/// From this size on a text is worth compressing, in bytes.
const MIN_COMPRESSED: usize = 1024;

/// A file.
pub(crate) struct Asset {
    kind: HeaderValue,
    is_html: bool,
    stamp: Option<Stamp>,
    content: Content,
}

enum Content {
    Memory { plain: Variant, brotli: Option<Variant>, gzip: Option<Variant> },
    Disk { path: PathBuf, length: u64, tag: HeaderValue },
}

struct Variant {
    bytes: Bytes,
    /// A strong tag (RFC 9110 section 8.8.3): every encoding has its own.
    tag: HeaderValue,
    coding: Option<&'static str>,
}

impl Asset {
    /// A file whose content is at hand. Compresses it, so it takes a while for a large text.
    pub(super) fn in_memory(name: &str, content: &Bytes, stamp: Option<Stamp>) -> Self {
        let (kind, is_text) = kind_of(name);
        let hash = hex(&digest(&SHA256, content).as_ref()[..16]);
        let variant = |coding, suffix: &str, bytes: Bytes| Variant { bytes, tag: tag(&hash, suffix), coding };
        let worth = is_text && content.len() >= MIN_COMPRESSED;
        let smaller = |made: &Vec<u8>| made.len() < content.len() / 10 * 9;
        let compressed = |compress: fn(&[u8]) -> Vec<u8>, coding: &'static str, suffix: &str| {
            let made = worth.then(|| compress(content)).filter(smaller);
            made.map(|made| variant(Some(coding), suffix, made.into()))
        };
        let brotli = compressed(compress_brotli, "br", "-br");
        let gzip = compressed(compress_gzip, "gzip", "-gz");
        let plain = variant(None, "", content.clone());
        let content = Content::Memory { plain, brotli, gzip };
        Self { is_html: is_html(&kind), kind, stamp, content }
    }

    /// A file that is read for every request.
    pub(super) fn on_disk(name: &str, path: PathBuf, stamp: Stamp) -> Self {
        let (kind, _) = kind_of(name);
        let modified = stamp.modified.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let hash = format!("{:x}-{:x}", modified.unwrap_or_default().as_nanos(), stamp.length);
        let content = Content::Disk { path, length: stamp.length, tag: tag(&hash, "") };
        Self { is_html: is_html(&kind), kind, stamp: Some(stamp), content }
    }

    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// How many bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        const HEAD: usize = 512;
        HEAD + match &self.content {
            Content::Memory { plain, brotli, gzip } => {
                let size = |variant: &Variant| variant.bytes.len();
                size(plain) + brotli.as_ref().map_or(0, size) + gzip.as_ref().map_or(0, size)
            }
            Content::Disk { .. } => 0,
        }
    }

    /// Answers a GET or HEAD.
    pub(super) async fn answer(&self, method: &Method, headers: &HeaderMap) -> Response {
        let compressed = self.compressed(headers);
        let (tag, length) = self.representation(compressed);
        let mut response = Response::new(Body::empty());
        response.headers_mut().reserve(ROOM);
        self.describe(&mut response, compressed, tag);
        if !self.is_html && is_matched(headers, tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
            response.headers_mut().remove(header::CONTENT_ENCODING);
            return response;
        }
        let range = match Range::of(method, headers, tag, length) {
            Wanted::Everything => Range { start: 0, end: length },
            Wanted::Part(range) => {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response.headers_mut().insert(header::CONTENT_RANGE, range.content_range(length));
                range
            }
            Wanted::Impossible => {
                let range = HeaderValue::try_from(format!("bytes */{length}")).expect("digits are a header value");
                return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, range)]).into_response();
            }
        };
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        if method == Method::GET {
            match self.read(compressed, range).await {
                Ok(body) => *response.body_mut() = body,
                // Gone since it was found.
                Err(_) => return StatusCode::NOT_FOUND.into_response(),
            }
        }
        response
    }

    fn describe(&self, response: &mut Response, compressed: Option<&Variant>, tag: &HeaderValue) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        if !self.is_html {
            headers.insert(header::ETAG, tag.clone());
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if let Content::Memory { brotli, gzip, .. } = &self.content
            && (brotli.is_some() || gzip.is_some())
        {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            if let Some(coding) = compressed.and_then(|compressed| compressed.coding) {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
        }
    }

    /// The tag and the length of what is answered.
    fn representation<'a>(&'a self, compressed: Option<&'a Variant>) -> (&'a HeaderValue, u64) {
        match &self.content {
            Content::Disk { length, tag, .. } => (tag, *length),
            Content::Memory { plain, .. } => {
                let variant = compressed.unwrap_or(plain);
                (&variant.tag, variant.bytes.len() as u64)
            }
        }
    }

    /// The smallest encoding that is accepted. Parts are given of the plain content only.
    fn compressed(&self, asked: &HeaderMap) -> Option<&Variant> {
        let Content::Memory { brotli, gzip, .. } = &self.content else { return None };
        if asked.contains_key(header::RANGE) {
            return None;
        }
        let is_accepted = |variant: &&Variant| variant.coding.is_some_and(|coding| accepts(asked, coding));
        [brotli, gzip].into_iter().flatten().find(is_accepted)
    }

    async fn read(&self, compressed: Option<&Variant>, range: Range) -> std::io::Result<Body> {
        match &self.content {
            Content::Memory { plain, .. } => {
                let bytes = &compressed.unwrap_or(plain).bytes;
                let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Body::from(bytes.slice(cut(range.start)..cut(range.end))))
            }
            Content::Disk { path, .. } => {
                let mut file = tokio::fs::File::open(path).await?;
                file.seek(SeekFrom::Start(range.start)).await?;
                Ok(Body::from_stream(ReaderStream::with_capacity(file.take(range.end - range.start), 64 * 1024)))
            }
        }
    }
}

/// The type by the name's ending, and whether it is a text.
fn kind_of(name: &str) -> (HeaderValue, bool) {
    let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
    let is_text = kind.starts_with("text/")
        || ["/javascript", "/json", "/wasm", "/xml", "+json", "+xml"].iter().any(|end| kind.ends_with(end));
    let has_charset = kind.starts_with("text/") || kind.ends_with("/javascript") || kind.ends_with("json");
    let value = if has_charset { HeaderValue::try_from(format!("{kind}; charset=utf-8")) } else { kind.try_into() };
    (value.expect("the table of types holds header values"), is_text)
}

fn is_html(kind: &HeaderValue) -> bool {
    kind.as_bytes().starts_with(b"text/html") || kind.as_bytes().starts_with(b"application/xhtml")
}

/// Whether `If-None-Match` names the tag (RFC 9110 section 13.1.2: compared weakly).
fn is_matched(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    asked.get_all(header::IF_NONE_MATCH).iter().any(|field| {
        field
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|one| one == b"*" || one.strip_prefix(b"W/").unwrap_or(one) == tag.as_bytes())
    })
}

/// Whether `Accept-Encoding` names a coding, and not with the weight 0 (RFC 9110 section 12.5.3).
fn accepts(asked: &HeaderMap, coding: &str) -> bool {
    asked.get_all(header::ACCEPT_ENCODING).iter().any(|field| {
        field.as_bytes().split(|byte| *byte == b',').any(|one| {
            let mut parts = one.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding.as_bytes()));
            let is_refused = parts.any(|part| {
                let zero = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
                zero.is_some_and(|zero| zero.iter().all(|byte| matches!(byte, b'0' | b'.')))
            });
            is_named && !is_refused
        })
    })
}

fn tag(hash: &str, suffix: &str) -> HeaderValue {
    HeaderValue::try_from(format!("\"{hash}{suffix}\"")).expect("hexadecimal digits are a header value")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn compress_brotli(content: &[u8]) -> Vec<u8> {
    // Quality 5 is four times as fast as 9 and within a few per cent of it.
    let mut made = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    made.write_all(content).map(|()| made.into_inner()).unwrap_or_default()
}

fn compress_gzip(content: &[u8]) -> Vec<u8> {
    let mut made = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    made.write_all(content).and_then(|()| made.finish()).unwrap_or_default()
}
