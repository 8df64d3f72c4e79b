use cookie::{Cookie, Expiration};
use stagedoor_protocol::time::UnixMillis;

/// How many cookies one user keeps, and how long name and value may be together, in bytes (RFC 6265bis section 5.7).
const MAX_COOKIES: usize = 180;
const MAX_COOKIE_LEN: usize = 4096;

/// The cookies that one user's client keeps for the app.
///
/// The rules are those of RFC 6265bis as far as they show with one host: path, lifetime, deletion, and the prefixes
/// `__Host-` and `__Secure-`. `Secure` cookies are kept and sent, because the host is this machine.
#[derive(Default)]
pub(crate) struct Jar(Vec<Kept>);

struct Kept {
    name: String,
    value: String,
    path: String,
    expires: Option<UnixMillis>,
}

/// Why a browser throws a cookie away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it is not a cookie")]
    Malformed,
    #[error("name and value are longer than {MAX_COOKIE_LEN} bytes")]
    TooLong,
    #[error("a name that begins with __Host- needs Secure, Path=/ and no Domain")]
    HostPrefix,
    #[error("a name that begins with __Secure- needs Secure")]
    SecurePrefix,
    #[error("SameSite=None needs Secure")]
    NoneWithoutSecure,
    #[error("its Domain is not the host of the app")]
    Domain,
    #[error("there are more than {MAX_COOKIES} cookies")]
    TooMany,
}

/// Where a cookie comes from: the host and the path of the request.
pub(crate) struct Source<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
}

impl Jar {
    /// Keeps, replaces or deletes what one `Set-Cookie` says.
    pub(crate) fn take(&mut self, header: &str, source: &Source<'_>, now: UnixMillis) -> Result<(), Refusal> {
        let cookie = Cookie::parse(header).map_err(|_| Refusal::Malformed)?;
        check(&cookie, source)?;
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path.to_owned(),
            _ => default_path(source.path).to_owned(),
        };
        let expires = expiry(&cookie, now);
        self.0.retain(|kept| kept.expires.is_none_or(|at| at > now));
        self.0.retain(|kept| !(kept.name == cookie.name() && kept.path == path));
        if expires.is_some_and(|at| at <= now) {
            return Ok(());
        }
        if self.0.len() >= MAX_COOKIES {
            return Err(Refusal::TooMany);
        }
        self.0.push(Kept { name: cookie.name().into(), value: cookie.value().into(), path, expires });
        Ok(())
    }

    /// Throws everything away.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The `Cookie` header for a request to `path`; none without a cookie. Longer paths come first.
    pub(crate) fn header(&self, path: &str, now: UnixMillis) -> Option<String> {
        let alive = |kept: &&Kept| kept.expires.is_none_or(|at| at > now) && path_matches(&kept.path, path);
        let mut cookies: Vec<_> = self.0.iter().filter(alive).collect();
        cookies.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<_> = cookies.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

fn check(cookie: &Cookie<'_>, source: &Source<'_>) -> Result<(), Refusal> {
    let secure = cookie.secure() == Some(true);
    if cookie.name().is_empty() {
        return Err(Refusal::Malformed);
    }
    if cookie.name().len() + cookie.value().len() > MAX_COOKIE_LEN {
        return Err(Refusal::TooLong);
    }
    let name = cookie.name().to_ascii_lowercase();
    if name.starts_with("__host-") && !(secure && cookie.path() == Some("/") && cookie.domain().is_none()) {
        return Err(Refusal::HostPrefix);
    }
    if name.starts_with("__secure-") && !secure {
        return Err(Refusal::SecurePrefix);
    }
    if cookie.same_site().is_some_and(|same_site| same_site.is_none()) && !secure {
        return Err(Refusal::NoneWithoutSecure);
    }
    let foreign = |domain: &str| !domain.trim_start_matches('.').eq_ignore_ascii_case(source.host);
    if cookie.domain().is_some_and(foreign) { Err(Refusal::Domain) } else { Ok(()) }
}

/// `Max-Age` counts before `Expires`; with neither the cookie stays as long as the client.
fn expiry(cookie: &Cookie<'_>, now: UnixMillis) -> Option<UnixMillis> {
    if let Some(age) = cookie.max_age() {
        return Some(now.plus_seconds(age.whole_seconds()));
    }
    match cookie.expires()? {
        Expiration::DateTime(at) => Some(UnixMillis(at.unix_timestamp().saturating_mul(1000))),
        Expiration::Session => None,
    }
}

/// RFC 6265 section 5.1.4: everything before the last slash.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 => &path[..at],
        _ => "/",
    }
}

/// RFC 6265 section 5.1.4.
fn path_matches(cookie: &str, request: &str) -> bool {
    request.strip_prefix(cookie).is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}
