//! Who calls, as the upstream is told.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use stagedoor_flows::assertion::Assertions;
use stagedoor_flows::session::{Session, Surface};

const USER: HeaderName = HeaderName::from_static("x-forwarded-user");
const KIND: HeaderName = HeaderName::from_static("x-stagedoor-type");
const MEETING: HeaderName = HeaderName::from_static("x-stagedoor-meeting");
const ROLE: HeaderName = HeaderName::from_static("x-stagedoor-role");
const SURFACE: HeaderName = HeaderName::from_static("x-stagedoor-surface");

/// Who calls, signed. An upstream sends it back to act for that user.
pub(crate) const ASSERTION: HeaderName = HeaderName::from_static("x-stagedoor-assertion");

/// How long an assertion is used again: half of its life of 60 s, so that it reaches the upstream with time left.
const REUSE: Duration = Duration::from_secs(30);

/// How many assertions are remembered. Sessions that share a place sign more often, and nothing else happens.
const PLACES: usize = 1024;

/// Writes the identity headers. Signing costs as much as everything else of a request, so assertions are reused.
pub(crate) struct Identity {
    assertions: Assertions,
    hasher: RandomState,
    places: Box<[Mutex<Option<Issued>>]>,
}

struct Issued {
    session: Session,
    assertion: HeaderValue,
    at: Instant,
}

impl Identity {
    pub(crate) fn new(assertions: Assertions) -> Self {
        let places = std::iter::repeat_with(Mutex::default).take(PLACES).collect();
        Self { assertions, hasher: RandomState::new(), places }
    }

    /// Writes the headers of a session. A fact that cannot be a header value is left out.
    pub(crate) fn write(&self, headers: &mut HeaderMap, session: &Session) {
        let mut say = |name: HeaderName, text: Option<&str>| {
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
                headers.insert(name, value);
            }
        };
        say(USER, session.user.as_ref().map(stagedoor_protocol::id::ZoomUserId::as_str));
        say(KIND, Some(&session.kind));
        say(MEETING, session.meeting.as_ref().map(stagedoor_protocol::id::MeetingUuid::as_str));
        say(ROLE, session.role.as_deref());
        let surface = match session.surface {
            Surface::Client => "client",
            Surface::Pwa => "pwa",
        };
        say(SURFACE, Some(surface));
        headers.insert(ASSERTION, self.assertion(session));
    }

    fn assertion(&self, session: &Session) -> HeaderValue {
        let at = usize::try_from(self.hasher.hash_one(session.id.expose())).unwrap_or_default() % PLACES;
        let place = &self.places[at];
        let now = Instant::now();
        {
            let issued = place.lock().unwrap_or_else(PoisonError::into_inner);
            let usable = issued.as_ref().filter(|issued| now.duration_since(issued.at) < REUSE);
            if let Some(issued) = usable.filter(|issued| issued.session == *session) {
                return issued.assertion.clone();
            }
        }
        let mut assertion =
            HeaderValue::try_from(self.assertions.issue(session)).expect("a JWT consists of base64url and dots");
        assertion.set_sensitive(true);
        let issued = Issued { session: session.clone(), assertion: assertion.clone(), at: now };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(issued);
        assertion
    }
}
