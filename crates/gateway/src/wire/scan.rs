//! Looking at the bytes of HTTP/1 requests before they are parsed, for what could be read in two ways.
//!
//! Heads are checked line by line, bodies are skipped by their framing (RFC 9112 sections 6 and 7). What offends is
//! overwritten with a NUL, which no parser takes for anything else.

/// The first lines of an HTTP/2 connection (RFC 9113 section 3.4). What follows them is not looked at.
const PREFACE: [&[u8]; 4] = [b"PRI * HTTP/2.0", b"", b"SM", b""];

/// The longest line that is put together from several reads, in bytes: as long as the longest head.
const MAX_LINE: usize = 32 * 1024;

/// Reads along.
#[derive(Default)]
pub struct Scan {
    state: State,
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
    framing: Framing,
    heads: u64,
    is_refused: bool,
    /// How many of the connection's first lines are those of HTTP/2; `None` once one was not.
    preface: Preface,
}

/// Where in a connection the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the first byte of a request, or in something that is not HTTP/1.
    Between,
    /// In the head of a request.
    InHead,
    /// In its body.
    InBody,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    RequestLine,
    Field,
    /// A body of so many bytes.
    Body(u64),
    ChunkSize,
    /// A chunk of so many bytes, and its CRLF.
    Chunk(u64),
    Trailer,
    /// HTTP/2, an upgraded connection, or one that has been refused.
    Opaque,
}

#[derive(Clone, Copy)]
struct Preface(Option<usize>);

impl Default for Preface {
    fn default() -> Self {
        Self(Some(0))
    }
}

#[derive(Clone, Copy, Default)]
struct Framing {
    length: Option<u64>,
    is_chunked: bool,
}

struct Offence;

impl Scan {
    /// Checks the bytes that have just arrived. An offending byte is overwritten.
    pub fn check(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Opaque {
            at = match self.state {
                State::Body(left) => self.skip(left, bytes.len() - at, State::Body, State::RequestLine) + at,
                State::Chunk(left) => self.skip(left, bytes.len() - at, State::Chunk, State::ChunkSize) + at,
                _ => self.line(bytes, at),
            };
        }
    }

    /// Stops looking: the connection speaks another protocol from now on.
    pub fn stop(&mut self) {
        self.state = State::Opaque;
        self.partial = Vec::new();
    }

    /// Where the next byte belongs.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::RequestLine if self.partial.is_empty() => Stage::Between,
            State::Opaque => Stage::Between,
            State::RequestLine | State::Field => Stage::InHead,
            State::Body(_) | State::ChunkSize | State::Chunk(_) | State::Trailer => Stage::InBody,
        }
    }

    /// Whether something has been overwritten.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// How many heads have been read.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    fn skip(&mut self, left: u64, here: usize, state: fn(u64) -> State, next: State) -> usize {
        let skipped = left.min(here as u64);
        self.state = if skipped == left { next } else { state(left - skipped) };
        usize::try_from(skipped).unwrap_or(here)
    }

    /// Checks a line, or keeps its beginning; returns where the next one begins.
    fn line(&mut self, bytes: &mut [u8], start: usize) -> usize {
        let Some(length) = memchr::memchr(b'\n', &bytes[start..]) else {
            if self.partial.len() + bytes.len() - start > MAX_LINE {
                self.stop();
            } else {
                self.partial.extend_from_slice(&bytes[start..]);
            }
            return bytes.len();
        };
        let end = start + length;
        let judged = if self.partial.is_empty() {
            self.judge(&bytes[start..end])
        } else {
            let mut line = std::mem::take(&mut self.partial);
            line.extend_from_slice(&bytes[start..end]);
            self.judge(&line)
        };
        if judged.is_err() {
            bytes[end] = 0;
            self.is_refused = true;
            self.stop();
        }
        end + 1
    }

    /// Judges a line without its LF.
    fn judge(&mut self, line: &[u8]) -> Result<(), Offence> {
        let line = line.strip_suffix(b"\r").ok_or(Offence)?;
        self.preface.follow(line);
        match self.state {
            // Some clients send an empty line behind a body (RFC 9112 section 2.2).
            State::RequestLine if line.is_empty() => {}
            State::RequestLine if memchr::memchr(b'#', line).is_some() => return Err(Offence),
            State::RequestLine => {
                self.framing = Framing::default();
                self.state = State::Field;
            }
            State::Field if line.is_empty() => self.end_of_head(),
            State::Field => self.framing.read(line)?,
            State::ChunkSize => self.state = chunk(line)?,
            State::Trailer if line.is_empty() => self.state = State::RequestLine,
            State::Trailer | State::Body(_) | State::Chunk(_) | State::Opaque => {}
        }
        Ok(())
    }

    fn end_of_head(&mut self) {
        self.heads += 1;
        self.state = match self.framing {
            Framing { is_chunked: true, .. } => State::ChunkSize,
            Framing { length: Some(1..), .. } => State::Body(self.framing.length.unwrap_or_default()),
            _ => State::RequestLine,
        };
        if self.preface.0 == Some(PREFACE.len()) {
            self.stop();
        }
    }
}

impl Preface {
    fn follow(&mut self, line: &[u8]) {
        self.0 = self.0.filter(|seen| PREFACE.get(*seen) == Some(&line)).map(|seen| seen + 1);
    }
}

impl Framing {
    /// Reads a field line, as far as it says how long the body is.
    fn read(&mut self, line: &[u8]) -> Result<(), Offence> {
        // A folded line (RFC 9112 section 5.2) belongs to the one before, for some.
        if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(Offence);
        }
        let colon = memchr::memchr(b':', line).ok_or(Offence)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let is_first = self.length.is_none() && !self.is_chunked;
            self.length = Some(number(value, 10).filter(|_| is_first).ok_or(Offence)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_first = self.length.is_none() && !self.is_chunked;
            self.is_chunked = is_first && value.eq_ignore_ascii_case(b"chunked");
            return if self.is_chunked { Ok(()) } else { Err(Offence) };
        }
        Ok(())
    }
}

/// Reads the line before a chunk. Extensions are passed over.
fn chunk(line: &[u8]) -> Result<State, Offence> {
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    Ok(match number(size, 16).ok_or(Offence)? {
        0 => State::Trailer,
        size => State::Chunk(size + 2),
    })
}

/// A plain number, of a size that nobody reaches.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let is_plain = (1..=15).contains(&digits.len()) && digits.iter().all(|digit| char::from(*digit).is_digit(radix));
    is_plain.then(|| u64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(message: &str) -> Vec<u8> {
        let mut bytes = message.as_bytes().to_vec();
        Scan::default().check(&mut bytes);
        bytes
    }

    #[test]
    fn ordinary_requests_pass_unchanged() {
        for message in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\na\n#\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\n\n#\n\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n #\n anything",
        ] {
            assert_eq!(String::from_utf8(checked(message)).unwrap(), message);
        }
    }

    #[test]
    fn the_preface_counts_at_the_beginning_only() {
        let late = "GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET /#b HTTP/1.1\r\n\r\n";
        assert!(checked(late).contains(&0));
    }

    #[test]
    fn the_byte_that_offends_is_overwritten() {
        for message in [
            "GET /#b HTTP/1.1\r\n",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1\r\nA: b\n",
            "GET / HTTP/1.1\r\nA: b\r\n\tfolded\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n",
            "POST / HTTP/1.1\r\nContent-Length: -1\r\n",
            "POST / HTTP/1.1\r\nContent-Length:\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ] {
            let bytes = checked(message);
            assert_eq!(bytes.iter().position(|byte| *byte == 0), Some(message.len() - 1), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_arrive(
            message in "(GET /#? HTTP/1.1|Content-Length: [0-9]|Transfer-Encoding: chunked|A: b|[0-9a-f]|\r\n|\r\n|\r\n|\n| ){0,24}",
            cuts in prop::collection::vec(1_usize..9, 1..40),
        ) {
            let whole = checked(&message);
            let mut pieces = message.into_bytes();
            let (mut scan, mut at) = (Scan::default(), 0);
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(pieces.len());
                scan.check(&mut pieces[at..end]);
                at = end;
                if at == pieces.len() {
                    break;
                }
            }
            prop_assert_eq!(pieces, whole);
        }
    }
}
