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

/// A word that stands in this program too.
#[derive(Clone, Copy, Debug, Serialize)]
struct Word(&'static str);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static WORDS: Words = Words(Mutex::new(BTreeSet::new()));
        let word = WORDS.keep(String::deserialize(deserializer)?);
        word.map(Self).ok_or_else(|| serde::de::Error::custom("more words than this program has"))
    }
}

/// Each word is kept once, and there are not many, so keeping them is no leak.
struct Words(Mutex<BTreeSet<&'static str>>);

impl Words {
    fn keep(&self, word: String) -> Option<&'static str> {
        let mut words = self.0.lock().expect("no holder of this lock panics");
        if let Some(kept) = words.get(word.as_str()) {
            return Some(kept);
        }
        if words.len() >= MAX_WORDS {
            return None;
        }
        let word: &'static str = word.leak();
        words.insert(word);
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_not_any_number_of_words() {
        let words = Words(Mutex::default());
        let first = words.keep("zoom_timeout".into());
        assert_eq!(first.map(str::as_ptr), words.keep("zoom_timeout".into()).map(str::as_ptr));
        let kept = (0..10_000).filter_map(|number| words.keep(format!("word {number}"))).count();
        assert_eq!(kept, MAX_WORDS - 1);
        assert_eq!(words.keep("zoom_timeout".into()), first, "what is known stays known");
    }
}
