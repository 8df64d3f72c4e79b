use std::fmt;
use std::str::FromStr;

use serde_json::json;
use stagedoor_protocol::id::{MeetingUuid, ZoomUserId};
use stagedoor_protocol::time::UnixMillis;

use super::archive::{Archive, Archived, State};
use crate::port::Key;
use crate::session::Session;
use crate::vault::{Entry, Kept, VaultError};

/// What pages hear of events, where nobody forwards them.
#[derive(Clone)]
pub struct Feed(Archive);

/// A place in the feed, as text in hexadecimal digits. It names nothing but an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(Key);

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 hexadecimal digits")]
pub struct NoPosition;

/// An event of the feed.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Where it lies.
    pub position: Position,
    user: Option<ZoomUserId>,
    meeting: Option<MeetingUuid>,
    whole: String,
    brief: String,
}

impl Feed {
    /// The feed of an archive.
    pub fn new(archive: Archive) -> Self {
        Self(archive)
    }

    /// The current instant, by which positions are counted.
    pub fn now(&self) -> UnixMillis {
        self.0.vault.now()
    }

    /// Reads up to `limit` events behind a position.
    pub async fn behind(&self, position: Position, limit: usize) -> Result<Vec<Heard>, VaultError> {
        let entries = self.0.vault.entries::<Archived>(Some(position.0), limit).await?;
        let heard = |Entry { key, kept }: Entry<Archived>| match kept {
            Ok(Kept { item, .. }) if item.state == State::Kept => Heard::new(Position(key), item),
            _ => Heard::nothing(Position(key)),
        };
        Ok(entries.into_iter().map(heard).collect())
    }
}

impl Position {
    /// Before everything that was received at an instant or later.
    pub fn at(instant: UnixMillis) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&instant.0.max(0).to_be_bytes());
        Self(Key(key))
    }

    /// The instant at which what lies here was received.
    pub fn instant(self) -> UnixMillis {
        let (head, _) = self.0.0.split_first_chunk().expect("a key has 32 bytes");
        UnixMillis(i64::from_be_bytes(*head))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoPosition);
        }
        let mut key = [0; 32];
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| NoPosition)?;
        }
        Ok(Self(Key(key)))
    }
}

impl Heard {
    fn new(position: Position, archived: Archived) -> Self {
        let Archived { name, body, at, user, meeting, .. } = archived;
        let object = json!({ "uuid": meeting });
        let brief = json!({ "event": name, "event_ts": at, "payload": { "object": object } }).to_string();
        // A line end of JSON never stands in a text, so a space means the same.
        Self { position, user, meeting, whole: body.replace(['\r', '\n'], " "), brief }
    }

    /// What nobody hears, but lies there.
    fn nothing(position: Position) -> Self {
        Self { position, user: None, meeting: None, whole: String::new(), brief: String::new() }
    }

    /// What a session hears of the event, as JSON in one line.
    ///
    /// Its own user's events it hears as Zoom sent them, and so does the host those of the meeting in which the app is
    /// open. Others in that meeting, guests among them, hear only what happened: events name people and their addresses.
    pub fn to(&self, session: &Session) -> Option<&str> {
        const HOSTS: [&str; 3] = ["host", "co-host", "coHost"];
        let is_own = self.user.is_some() && self.user == session.user;
        let is_here = self.meeting.is_some() && self.meeting == session.meeting;
        let is_host = session.role.as_deref().is_some_and(|role| HOSTS.contains(&role));
        match (is_own, is_here) {
            (true, _) => Some(&self.whole),
            (false, true) if is_host => Some(&self.whole),
            (false, true) => Some(&self.brief),
            (false, false) => None,
        }
    }
}
