use std::collections::VecDeque;

use super::grants::Challenge;
use crate::entropy;

/// How many prompts wait for a decision at most.
const MAX_WAITING: usize = 50;

/// What the client asks the user, in the window where the app is open.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// A guest signs in to Zoom.
    SignIn,
    /// A signed-in user adds the app.
    Add,
    /// The app wants a code (in-client OAuth).
    Authorize { challenge: Challenge, state: Option<String> },
}

/// A question that waits for the user.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) view: String,
    pub(crate) question: Question,
}

/// The questions that wait.
#[derive(Default)]
pub(crate) struct Prompts(VecDeque<(String, Prompt)>);

impl Prompts {
    /// Lets a question wait; returns the name under which it is answered.
    pub(crate) fn wait(&mut self, prompt: Prompt) -> String {
        if self.0.len() >= MAX_WAITING {
            self.0.pop_front();
        }
        let name = entropy::base64url(22);
        self.0.push_back((name.clone(), prompt));
        name
    }

    /// Takes a question: it is answered once.
    pub(crate) fn take(&mut self, name: &str) -> Option<Prompt> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        self.0.remove(place).map(|(_, prompt)| prompt)
    }
}
