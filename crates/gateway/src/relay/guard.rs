//! Keeps a token out of the answers that its use brings.
//!
//! APIs do not repeat tokens; echo endpoints and bugs do. This is a net and not a wall: it finds the token as it was
//! sent, not in another encoding.

use bytes::{Bytes, BytesMut};
use memchr::{memchr_iter, memmem};

use super::Bearer;

/// The shortest token that is looked for, in bytes. A shorter one would be found by accident.
const MIN: usize = 16;

/// Looks for a token in a stream, also where it is cut into pieces.
pub(super) struct Guard {
    token: Bearer,
    /// The end of what has come, where it could be the beginning of the token.
    held: BytesMut,
}

/// The token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer holds the token it was asked with")]
pub(super) struct Leak;

impl Guard {
    pub(super) fn new(token: Bearer) -> Self {
        Self { token, held: BytesMut::new() }
    }

    /// What can go on of the content so far.
    pub(super) fn pass(&mut self, data: Bytes) -> Result<Bytes, Leak> {
        let token = self.token.expose().as_bytes();
        if token.len() < MIN {
            return Ok(data);
        }
        let mut data = if self.held.is_empty() {
            data
        } else {
            self.held.extend_from_slice(&data);
            self.held.split().freeze()
        };
        if memmem::find(&data, token).is_some() {
            return Err(Leak);
        }
        let tail = data.len() - data.len().min(token.len() - 1);
        let begins = |at: &usize| token.starts_with(&data[tail + at..]);
        if let Some(at) = memchr_iter(token[0], &data[tail..]).find(begins) {
            self.held.extend_from_slice(&data.split_off(tail + at));
        }
        Ok(data)
    }

    /// The rest, at the end of the content.
    pub(super) fn end(&mut self) -> Bytes {
        self.held.split().freeze()
    }

    /// How much is held back, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "abababababababac";

    fn through(pieces: &[&[u8]]) -> Result<Vec<u8>, Leak> {
        let mut guard = Guard::new(Bearer::new(TOKEN));
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&guard.pass(Bytes::copy_from_slice(piece))?);
        }
        out.extend_from_slice(&guard.end());
        Ok(out)
    }

    #[test]
    fn a_token_too_short_to_be_told_from_words_is_not_looked_for() {
        assert!(Guard::new(Bearer::new("a")).pass(Bytes::from_static(b"banana")).is_ok());
    }

    #[test]
    fn what_cannot_be_the_token_is_not_held_back() {
        let mut guard = Guard::new(Bearer::new(TOKEN));
        assert_eq!(guard.pass(Bytes::from_static(b"data: 1\n\n")).unwrap(), "data: 1\n\n");
        assert_eq!(guard.pass(Bytes::from_static(b"data: ab")).unwrap(), "data: ");
        assert_eq!((guard.held(), guard.pass(Bytes::from_static(b"c")).unwrap()), (2, Bytes::from_static(b"abc")));
    }

    proptest! {
        #[test]
        fn mn_13_the_token_never_comes_through_however_it_is_cut(
            before in "[abc]{0,40}", after in "[abc]{0,40}", cuts in prop::collection::vec(0..100_usize, 0..6),
        ) {
            let text = format!("{before}{TOKEN}{after}");
            let pieces = cut(text.as_bytes(), cuts);
            prop_assert_eq!(through(&pieces), Err(Leak));
        }

        #[test]
        fn everything_else_comes_through_unchanged(text in "[abc]{0,120}", cuts in prop::collection::vec(0..120_usize, 0..8)) {
            prop_assume!(!text.contains(TOKEN));
            let pieces = cut(text.as_bytes(), cuts);
            prop_assert_eq!(through(&pieces).unwrap(), text.as_bytes());
        }
    }

    fn cut(text: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
        cuts.retain(|at| *at <= text.len());
        cuts.sort_unstable();
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([text.len()]);
        starts.zip(ends).map(|(start, end)| &text[start..end]).collect()
    }
}
