use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stagedoor_protocol::deeplink::Action;
use stagedoor_protocol::secret;
use stagedoor_protocol::secret::State;

secret! {
    /// What travels in the deep link besides the state: 256 random bits that work once.
    pub(super) struct Handle;
}

/// What the action of a deep link of ours says: which attempt, and the handle that proves that the link was followed.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    pub(super) handle: Handle,
    pub(super) state: State,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim(…)")
    }
}

/// Tells our actions from those of the app.
const PREFIX: &str = "stagedoor.connect.";

/// The length of 32 bytes in base64url.
const LENGTH: usize = 43;

impl Claim {
    pub(super) fn new(random: [u8; 32], state: &State) -> Self {
        Self { handle: Handle::new(URL_SAFE_NO_PAD.encode(random)), state: state.clone() }
    }

    /// Reads the action of a launch: `None` where it is none of ours.
    pub fn parse(action: &str) -> Option<Self> {
        let (handle, state) = action.strip_prefix(PREFIX)?.split_once('.')?;
        let is_ours = [handle, state].iter().all(|part| {
            part.len() == LENGTH && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
        is_ours.then(|| Self { handle: Handle::new(handle), state: State::new(state) })
    }

    /// The action: always 105 characters, however long the provider's code is.
    pub(super) fn action(&self) -> Action {
        let text = format!("{PREFIX}{}.{}", self.handle.expose(), self.state.expose());
        Action::parse(text).expect("a fixed prefix and two base64url texts of 43 characters are an action")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stagedoor_protocol::oauth::state_from;

    #[test]
    fn an_action_reads_as_the_claim_that_it_was_made_of() {
        let claim = Claim::new([7; 32], &state_from([9; 32]));
        assert_eq!(claim.action().as_str().len(), 105);
        assert!(Claim::parse(claim.action().as_str()) == Some(claim));
    }

    #[test]
    fn what_is_not_exactly_an_action_of_ours_is_none() {
        let good = Claim::new([7; 32], &state_from([9; 32])).action().as_str().to_owned();
        for bad in ["", "installed", "stagedoor.connect.", "stagedoor.connect..", &good[1..], &format!("{good}x")] {
            assert!(Claim::parse(bad).is_none(), "{bad}");
        }
        assert!(Claim::parse(&good.replacen("Bw", "é", 1)).is_none());
        assert!(Claim::parse(&good.replace('.', " ")).is_none());
    }
}
