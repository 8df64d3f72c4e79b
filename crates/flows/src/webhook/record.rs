use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::id::{EventName, MeetingUuid, ZoomUserId};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_protocol::webhook::Event;

use crate::port::{Key, Shelf};
use crate::vault::{Item, Terms, fingerprint};

/// The bytes of an event, which are the event: what has the same bytes is the same.
pub(super) struct Body<'a> {
    text: &'a str,
    digest: Key,
}

/// The id of an event: the same in every attempt, and for every copy that Zoom sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

/// What an event is about, as a hash: events of one subject are delivered in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject([u8; 16]);

/// An event in the inbox.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) id: EventId,
    pub(super) name: EventName,
    /// As Zoom sent it.
    pub(super) body: String,
    /// When it happened, or 0 where Zoom does not say.
    pub(super) at: UnixMillis,
    pub(super) received: UnixMillis,
    pub(super) user: Option<ZoomUserId>,
    pub(super) meeting: Option<MeetingUuid>,
    /// What is to be erased before anybody is told.
    pub(super) removal: Option<Removal>,
    pub(super) attempts: u32,
    /// Not to be tried before.
    pub(super) due: UnixMillis,
    /// Whether it is delivered although it has been before, because the operator wants it.
    pub(super) again: bool,
}

/// A user who has removed the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Removal {
    pub(super) user: ZoomUserId,
    pub(super) at: UnixMillis,
}

/// An event that has left the inbox. It names nobody, so it outlives its user.
#[derive(Serialize, Deserialize)]
pub(super) struct Seen {}

/// Where events wait.
pub(crate) const INBOX: Shelf = Shelf("webhook-inbox");

impl Item for Waiting {
    const SHELF: Shelf = INBOX;
}

impl Item for Seen {
    const SHELF: Shelf = Shelf("webhook-seen");
}

impl<'a> Body<'a> {
    /// JSON has been read of these bytes, so they are UTF-8; what were not would be an event of its own kind.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::of(std::str::from_utf8(bytes).unwrap_or_default())
    }

    pub(super) fn of(text: &'a str) -> Self {
        Self { text, digest: fingerprint("webhook", text) }
    }

    /// Where it is remembered.
    pub(super) fn key(&self) -> Key {
        self.digest
    }
}

impl EventId {
    fn of(digest: Key) -> Self {
        let mut id = String::from("evt_");
        for byte in &digest.0[..16] {
            write!(id, "{byte:02x}").expect("a string takes any text");
        }
        Self(id)
    }

    /// The id as text: visible ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Subject {
    pub(super) fn of(event: &Event) -> Self {
        let digest = fingerprint("webhook subject", &event.subject);
        let (head, _) = digest.0.split_first_chunk().expect("a key has 32 bytes");
        Self(*head)
    }

    pub(super) fn of_key(key: Key) -> Self {
        let (head, _) = key.0.split_first_chunk().expect("a key has 32 bytes");
        Self(*head)
    }

    /// Before every key of the subject.
    pub(super) fn start(self) -> Key {
        self.key([0; 8], [0; 8])
    }

    /// Behind every key of the subject.
    pub(super) fn end(self) -> Key {
        self.key([0xff; 8], [0xff; 8])
    }

    fn key(self, at: [u8; 8], event: [u8; 8]) -> Key {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.0);
        key[16..24].copy_from_slice(&at);
        key[24..].copy_from_slice(&event);
        Key(key)
    }
}

impl Waiting {
    pub(super) fn new(body: &Body<'_>, event: Event, removal: Option<Removal>, now: UnixMillis) -> Self {
        Self {
            id: EventId::of(body.digest),
            name: event.name,
            body: body.text.to_owned(),
            at: UnixMillis(event.at.map_or(0, |at| at.0.max(0))),
            received: now,
            user: event.user,
            meeting: event.meeting,
            removal,
            attempts: 0,
            due: now,
            again: false,
        }
    }

    /// Where it lies: the subject, the instant, and what tells events of one instant apart.
    pub(super) fn key(&self, subject: Subject) -> Key {
        let digest = Body::of(&self.body).digest;
        let (tail, _) = digest.0.split_first_chunk().expect("a key has 32 bytes");
        subject.key(self.at.0.to_be_bytes(), *tail)
    }

    /// It goes with its user; only that the user has gone must not go with them.
    pub(super) fn terms(&self) -> Terms<'_> {
        Terms { owner: self.user.as_ref().filter(|_| !self.is_removal()), expires: None }
    }

    /// Whether it tells of a user who has gone.
    pub(super) fn is_removal(&self) -> bool {
        self.name.as_str() == "app_deauthorized"
    }
}
