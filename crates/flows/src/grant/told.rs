//! Errors of issuers that another process has met.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Mutex;

use serde::{Deserialize, Deserializer, Serialize};

use super::Cause;
use crate::fault::{Classified, Fault};

/// How much of the text is told, in characters.
const MAX_TEXT: usize = 500;

/// How many words of this program are known at most. It has fewer.
const MAX_WORDS: usize = 128;

/// An error as another process of this program tells it: what the outside is told, and a line for the log.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Told {
    fault: Fault,
    code: Word,
    sentence: String,
    advice: Word,
    text: String,
}

impl Told {
    /// Writes an error down, with its causes.
    pub fn new(cause: &Cause) -> Self {
        let texts = std::iter::successors(Some(cause as &dyn Error), |&cause| cause.source()).map(ToString::to_string);
        let text = texts.collect::<Vec<_>>().join(": ").chars().take(MAX_TEXT).collect();
        let cause = cause.get();
        let (code, advice) = (Word(cause.code()), Word(cause.advice()));
        Self { fault: cause.fault(), code, sentence: cause.sentence(), advice, text }
    }
}

impl Classified for Told {
    fn fault(&self) -> Fault {
        self.fault
    }

    fn code(&self) -> &'static str {
        self.code.0
    }

    fn sentence(&self) -> String {
        self.sentence.clone()
    }

    fn advice(&self) -> &'static str {
        self.advice.0
    }
}

/// Words that stand in this program too. Each is kept once, and there are not many, so keeping them is no leak.
#[derive(Clone, Copy, Debug, Serialize)]
struct Word(&'static str);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let text = String::deserialize(deserializer)?;
        let mut known = KNOWN.lock().expect("no holder of this lock panics");
        if let Some(text) = known.get(text.as_str()) {
            return Ok(Self(text));
        }
        if known.len() >= MAX_WORDS {
            return Err(serde::de::Error::custom("more words than this program has"));
        }
        let text: &'static str = text.leak();
        known.insert(text);
        Ok(Self(text))
    }
}
