use std::collections::VecDeque;

use stagedoor_protocol::time::UnixMillis;

use super::journal::FlowId;
use crate::entropy;

/// How long the action of a deep link reaches the app, in milliseconds: five minutes.
pub(crate) const ACTION_LIFE_MS: i64 = 300_000;

/// How many deep links are remembered.
const MAX_LINKS: usize = 500;

/// A deep link that was given out.
#[derive(Clone)]
pub(crate) struct Link {
    token: String,
    /// Who asked for it. The link opens for whoever follows it.
    pub(crate) user: String,
    pub(crate) action: Option<String>,
    pub(crate) made: UnixMillis,
    pub(crate) flow: FlowId,
}

/// The deep links that were given out.
#[derive(Default)]
pub(crate) struct Links(VecDeque<Link>);

impl Links {
    /// Makes a link and returns its token: 91 characters of base64url, a dot, 16 more.
    pub(crate) fn make(&mut self, user: &str, action: Option<String>, made: (FlowId, UnixMillis)) -> String {
        if self.0.len() >= MAX_LINKS {
            self.0.pop_front();
        }
        let (flow, made) = made;
        let token = format!("{}.{}", entropy::base64url(91), entropy::base64url(16));
        self.0.push_back(Link { token: token.clone(), user: user.into(), action, made, flow });
        token
    }

    /// The link with this token. Whether Zoom's links work only once is not known; here they work again.
    pub(crate) fn find(&self, token: &str) -> Option<&Link> {
        self.0.iter().find(|link| link.token == token)
    }
}
