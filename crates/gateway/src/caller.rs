//! Who calls: the session that a request carries, in a cookie or as a bearer.

use http::{HeaderMap, header};
use stagedoor_flows::session::{Session, Sessions};

use crate::cookie::Cookies;
use crate::edge::at_most_one;
use crate::notice::Notice;
use crate::origin::{Origin, cross_site};
use crate::session::required;

/// How a session comes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// In the cookie, which a browser sends from any site.
    Cookie,
    /// In `Authorization`, which only a page that has it can send.
    Bearer,
}

/// A session, and how it came.
pub(crate) struct Caller {
    pub(crate) session: Session,
    pub(crate) carrier: Carrier,
}

impl Caller {
    /// Finds the session of a request. What a page says on purpose counts before what its browser adds.
    pub(crate) fn of(sessions: &Sessions, headers: &HeaderMap) -> Option<Self> {
        let lent = bearer(headers).and_then(|bearer| sessions.open_bearer(bearer));
        let lent = lent.map(|session| Self { session, carrier: Carrier::Bearer });
        lent.or_else(|| {
            let session = sessions.open(Cookies::read(headers).session?)?;
            Some(Self { session, carrier: Carrier::Cookie })
        })
    }

    /// Finds the session of a request that changes something. The cookie comes along from any site, so a request with it
    /// must come from a page of ours.
    pub(crate) fn ours(sessions: &Sessions, origin: &Origin, headers: &HeaderMap) -> Result<Self, Notice> {
        let caller = Self::of(sessions, headers).ok_or_else(required)?;
        let is_ours = caller.carrier == Carrier::Bearer || origin.sent(headers);
        if is_ours { Ok(caller) } else { Err(cross_site()) }
    }
}

/// The bearer of a request (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let field = at_most_one(headers, &header::AUTHORIZATION).ok()??;
    let (scheme, bearer) = field.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(bearer)
}
