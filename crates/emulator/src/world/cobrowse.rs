//! Cobrowse sessions: one customer, up to five agents, a PIN.

use std::collections::VecDeque;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use stagedoor_protocol::time::UnixMillis;

use super::journal::FlowId;
use crate::entropy;
use crate::jwt::cobrowse::{Pass, Role};

/// How many agents a session takes.
const MAX_AGENTS: usize = 5;
/// How many sessions are remembered.
const MAX_SESSIONS: usize = 100;
/// The longest PIN of one's own, in characters.
const MAX_PIN: usize = 10;

/// Why the SDK refuses, by its error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SdkError {
    #[error("PIN_NOT_FOUND")]
    PinNotFound,
    #[error("PIN_INVALID_FORMAT")]
    PinInvalidFormat,
    #[error("PIN_REQUIRED")]
    PinRequired,
    #[error("PIN_CONFLICT")]
    PinConflict,
    #[error("CUSTOMER_LIMIT")]
    CustomerLimit,
    #[error("AGENT_LIMIT")]
    AgentLimit,
    #[error("DUPLICATE_USER")]
    DuplicateUser,
    #[error("TOKEN_INVALID")]
    TokenInvalid,
}

impl SdkError {
    /// The number that `errorCode` has in the SDK.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::PinNotFound => 1006,
            Self::PinInvalidFormat => 1008,
            Self::PinRequired => 1009,
            Self::PinConflict => 1010,
            Self::CustomerLimit => 1012,
            Self::AgentLimit => 1013,
            Self::DuplicateUser => 1015,
            Self::TokenInvalid => 2001,
        }
    }

    /// What it means, and what helps.
    pub(crate) fn explain(self) -> (&'static str, &'static str) {
        match self {
            Self::PinNotFound => ("No session has this PIN.", "Ask the customer for the PIN on their page."),
            Self::PinInvalidFormat => ("A PIN has letters and digits, ten at most.", "Shorten it."),
            Self::PinRequired => ("The token allows a PIN of one's own, so there must be one.", "Send customPinCode."),
            Self::PinConflict => ("Another session has this PIN.", "Choose another."),
            Self::CustomerLimit => ("The session has its customer.", "One customer is in a session."),
            Self::AgentLimit => ("Five agents are in the session.", "One of them has to leave first."),
            Self::DuplicateUser => ("This user is in the session already.", "Give each user an id of their own."),
            Self::TokenInvalid => (
                "The token is not valid here.",
                "Agents join with a token of role 2, customers start with one of role 1.",
            ),
        }
    }
}

/// Somebody in a session.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Member {
    /// Known to this user's page alone.
    #[serde(skip)]
    pub(crate) connection: String,
    pub(crate) user_id: String,
    pub(crate) user_name: String,
    pub(crate) role_type: &'static str,
}

/// One session.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) pin: String,
    pub(crate) members: Vec<Member>,
    #[serde(rename = "started_ms")]
    pub(crate) started: UnixMillis,
    #[serde(rename = "ended_ms")]
    pub(crate) ended: Option<UnixMillis>,
    #[serde(skip)]
    pub(crate) flow: FlowId,
}

/// The sessions.
#[derive(Default)]
pub(crate) struct Cobrowse {
    sessions: VecDeque<Session>,
}

/// Who came into which session.
pub(crate) struct Joined {
    pub(crate) session: Session,
    pub(crate) member: Member,
}

impl Cobrowse {
    pub(crate) fn sessions(&self) -> &VecDeque<Session> {
        &self.sessions
    }

    /// A customer starts a session, with a PIN of their own if their token allows it.
    pub(crate) fn start(
        &mut self,
        pass: &Pass,
        pin: Option<&str>,
        (flow, now): (FlowId, UnixMillis),
    ) -> Result<Joined, SdkError> {
        if pass.role != Role::Customer {
            return Err(SdkError::TokenInvalid);
        }
        let pin = match (pass.own_pin, pin) {
            (true, Some(pin)) => self.own_pin(pin)?,
            (true, None) => return Err(SdkError::PinRequired),
            // What a page asks for without being allowed to is not heeded.
            (false, _) => self.random_pin(),
        };
        let member = Member::of(pass);
        let id = entropy::uuid();
        let session = Session { id, pin, members: vec![member.clone()], started: now, ended: None, flow };
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.pop_front();
        }
        self.sessions.push_back(session.clone());
        Ok(Joined { session, member })
    }

    fn own_pin(&self, pin: &str) -> Result<String, SdkError> {
        let is_pin = !pin.is_empty() && pin.len() <= MAX_PIN && pin.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let pin = pin.to_ascii_uppercase();
        if !is_pin {
            return Err(SdkError::PinInvalidFormat);
        }
        if self.live(&pin).is_some() { Err(SdkError::PinConflict) } else { Ok(pin) }
    }

    fn random_pin(&self) -> String {
        loop {
            let pin = format!("{:06}", entropy::below(1_000_000));
            if self.live(&pin).is_none() {
                return pin;
            }
        }
    }

    fn live(&self, pin: &str) -> Option<usize> {
        self.sessions.iter().position(|session| session.ended.is_none() && session.pin == pin)
    }

    /// Somebody comes into a session by its PIN.
    pub(crate) fn join(&mut self, pass: &Pass, pin: &str) -> Result<Joined, SdkError> {
        let at = self.live(&pin.to_ascii_uppercase()).ok_or(SdkError::PinNotFound)?;
        let session = &mut self.sessions[at];
        if session.members.iter().any(|member| member.user_id == pass.user_id) {
            return Err(SdkError::DuplicateUser);
        }
        // The session began with its customer, and ends with them.
        if pass.role == Role::Customer {
            return Err(SdkError::CustomerLimit);
        }
        if session.members.len() > MAX_AGENTS {
            return Err(SdkError::AgentLimit);
        }
        let member = Member::of(pass);
        session.members.push(member.clone());
        Ok(Joined { session: session.clone(), member })
    }

    /// The session that a connection belongs to.
    pub(crate) fn of(&self, connection: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.members.iter().any(|member| member.connection == connection))
    }

    /// Somebody leaves. With the customer the session ends. Returns the session as it was and who left it, the first being
    /// who wanted to.
    pub(crate) fn leave(&mut self, connection: &str, now: UnixMillis) -> Option<(Session, Vec<Member>)> {
        let live = self.sessions.iter_mut().filter(|session| session.ended.is_none());
        let mut found = live.filter(|session| session.members.iter().any(|member| member.connection == connection));
        let session = found.next()?;
        let at = session.members.iter().position(|member| member.connection == connection)?;
        if session.members[at].role_type == AGENT {
            let left = session.members.remove(at);
            return Some((session.clone(), vec![left]));
        }
        session.ended = Some(now);
        Some((session.clone(), session.members.clone()))
    }
}

const CUSTOMER: &str = "customer";
const AGENT: &str = "agent";

impl Member {
    /// What webhooks call the connection. It lets nobody act for the user.
    pub(crate) fn connection_id(&self) -> String {
        let digest = digest(&SHA256, self.connection.as_bytes());
        URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
    }

    fn of(pass: &Pass) -> Self {
        Self {
            connection: entropy::base64url(22),
            user_id: pass.user_id.clone(),
            user_name: pass.user_name.clone(),
            role_type: if pass.role == Role::Customer { CUSTOMER } else { AGENT },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_763_769_600_000);

    fn pass(role: Role, user: &str, own_pin: bool) -> Pass {
        Pass { role, user_id: user.into(), user_name: user.into(), own_pin }
    }

    fn customer(own_pin: bool) -> Pass {
        pass(Role::Customer, "customer", own_pin)
    }

    fn agent(number: usize) -> Pass {
        pass(Role::Agent, &format!("agent {number}"), false)
    }

    fn start(cobrowse: &mut Cobrowse, pass: &Pass, pin: Option<&str>) -> Result<Joined, SdkError> {
        cobrowse.start(pass, pin, (1, NOW))
    }

    #[test]
    fn a_session_gets_a_pin_of_six_digits() {
        let session = start(&mut Cobrowse::default(), &customer(false), Some("MINE")).unwrap().session;
        assert!(session.pin.len() == 6 && session.pin.bytes().all(|byte| byte.is_ascii_digit()), "{}", session.pin);
    }

    #[test]
    fn a_pin_of_ones_own_is_written_in_capitals_and_belongs_to_one_live_session() {
        let mut cobrowse = Cobrowse::default();
        let first = start(&mut cobrowse, &customer(true), Some("abC123defG")).unwrap();
        assert_eq!(first.session.pin, "ABC123DEFG");
        let refused = |cobrowse: &mut Cobrowse, pin| start(cobrowse, &customer(true), pin).err();
        assert_eq!(refused(&mut cobrowse, Some("ABc123DEFG")), Some(SdkError::PinConflict));
        assert_eq!(refused(&mut cobrowse, None), Some(SdkError::PinRequired));
        for pin in ["", "12345678901", "a b", "é", "a-b"] {
            assert_eq!(refused(&mut cobrowse, Some(pin)), Some(SdkError::PinInvalidFormat), "{pin}");
        }
        cobrowse.leave(&first.member.connection, NOW).unwrap();
        assert!(start(&mut cobrowse, &customer(true), Some("ABC123DEFG")).is_ok());
    }

    #[test]
    fn five_agents_come_in_by_the_pin_and_nobody_twice() {
        let mut cobrowse = Cobrowse::default();
        let pin = start(&mut cobrowse, &customer(true), Some("desk")).unwrap().session.pin;
        for number in 0..5 {
            assert!(cobrowse.join(&agent(number), "Desk").is_ok(), "{number}");
        }
        assert_eq!(cobrowse.join(&agent(5), &pin).err(), Some(SdkError::AgentLimit));
        assert_eq!(cobrowse.join(&agent(0), &pin).err(), Some(SdkError::DuplicateUser));
        assert_eq!(cobrowse.join(&pass(Role::Customer, "x", false), &pin).err(), Some(SdkError::CustomerLimit));
        assert_eq!(cobrowse.join(&agent(6), "nowhere").err(), Some(SdkError::PinNotFound));
    }

    #[test]
    fn an_agent_starts_no_session_and_one_who_leaves_makes_room() {
        let mut cobrowse = Cobrowse::default();
        assert_eq!(start(&mut cobrowse, &agent(0), None).err(), Some(SdkError::TokenInvalid));
        let pin = start(&mut cobrowse, &customer(false), None).unwrap().session.pin;
        let joined: Vec<_> = (0..5).map(|number| cobrowse.join(&agent(number), &pin).unwrap()).collect();
        let (session, left) = cobrowse.leave(&joined[0].member.connection, NOW).unwrap();
        assert_eq!((session.ended, left.len()), (None, 1));
        assert!(cobrowse.join(&agent(7), &pin).is_ok());
    }

    #[test]
    fn the_session_ends_with_its_customer_and_its_pin_with_it() {
        let mut cobrowse = Cobrowse::default();
        let Joined { session, member } = start(&mut cobrowse, &customer(false), None).unwrap();
        cobrowse.join(&agent(0), &session.pin).unwrap();
        let (ended, left) = cobrowse.leave(&member.connection, NOW).unwrap();
        assert_eq!((ended.ended, left.len(), left[0].role_type), (Some(NOW), 2, "customer"));
        assert_eq!(cobrowse.join(&agent(1), &session.pin).err(), Some(SdkError::PinNotFound));
        assert!(cobrowse.leave(&member.connection, NOW).is_none(), "nobody leaves twice");
    }
}
