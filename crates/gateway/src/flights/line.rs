//! What the two processes say to each other: JSON, one message a line. No secret is in it: tokens lie in the store.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stagedoor_flows::grant::{Done, Errand, Outcome, Told};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

/// The longest line, in bytes. What is longer makes no sense.
const MAX_LINE: u64 = 8_192;

/// What the gateway asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// By which the answer is known.
    pub(super) number: u64,
    pub(super) errand: Errand,
}

/// What the other process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Report {
    /// What came of a refresh, for who counts.
    Landed { outcome: Outcome, cause: Option<Told> },
    /// An order is done, for who waits.
    Done { number: u64, done: Done },
}

/// A message as a line.
pub(super) fn encode(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("messages are plain structs");
    line.push(b'\n');
    line
}

/// The lines that come in.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new() }
    }

    /// The next message, or `None` at the end. What makes no sense is passed over. Nothing is lost where the call is
    /// given up.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            let left = MAX_LINE.saturating_sub(self.line.len() as u64);
            let read = (&mut self.reader).take(left).read_until(b'\n', &mut self.line).await;
            if self.line.is_empty() || read.is_err() {
                return None;
            }
            let message = serde_json::from_slice(&self.line);
            self.line.clear();
            match message {
                Ok(message) => return Some(message),
                Err(error) => {
                    let (line, column) = (error.line(), error.column());
                    tracing::warn!(line, column, "a line between the gateway and its refresher makes no sense");
                }
            }
        }
    }
}
