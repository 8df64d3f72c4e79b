//! The address of a Redis server, and what may be asked of it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

stagedoor_protocol::secret! {
    /// The password of a user of the Redis server.
    pub(super) struct Password;
}

/// Where a Redis server is, who calls, and how durable it must be: `redis://` or, with TLS, `rediss://`.
///
/// ```text
/// rediss://USER:PASSWORD@HOST:PORT/DATABASE?durability=always&ca=/etc/redis/ca.pem
/// ```
///
/// Everything but the host may be left out; `valkey://` and `valkeys://` mean the same. The port is 6379 and the
/// database 0 unless they are given. Neither the URL nor the password is ever printed.
///
/// ```
/// use stagedoor_store::redis::RedisUrl;
///
/// let url = RedisUrl::parse("redis://:a-password@localhost/1")?;
/// assert_eq!(format!("{url:?}"), "RedisUrl(localhost:6379)");
/// # Ok::<(), stagedoor_store::redis::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// The file with the certificates that sign the server's; `None` for those that the system trusts.
    pub(super) ca: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) database: u16,
    pub(super) durability: Durability,
}

/// What "written" must mean on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// On the disk: `appendonly yes`, `appendfsync always`.
    Always,
    /// On the disk within a second: `appendfsync everysec` is enough. A crash of the server may cost that second.
    Everysec,
    /// Whatever the provider of the server promises; nothing is checked.
    Provider,
}

/// Why text is not the URL of a Redis server. It does not quote the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is not a URL.
    #[error("it is not a URL such as redis://host:6379")]
    NotAUrl,
    /// The scheme is none of those for Redis.
    #[error("its scheme is neither redis nor rediss")]
    Scheme,
    /// There is no host.
    #[error("it has no host")]
    Host,
    /// The path is not the number of a database.
    #[error("its path is not the number of a database, such as /0")]
    Database,
    /// There is something behind a `#`. Other clients turn the verification of certificates off there.
    #[error("it has a part behind #, which means nothing here")]
    Fragment,
    /// A parameter behind `?` is not known, or stands twice.
    #[error("it has parameters other than one durability and one ca")]
    Parameter,
    /// The durability is none of the words.
    #[error("its durability is none of always, everysec and provider")]
    Durability,
    /// A certificate is named where there is no TLS.
    #[error("it names a ca, which is for rediss:// only")]
    CaWithoutTls,
}

impl RedisUrl {
    /// Reads a URL, strictly.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|_| UrlError::NotAUrl)?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(UrlError::Scheme),
        };
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(UrlError::Host)?;
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose()?;
        let password = url.password().filter(|password| !password.is_empty()).map(decoded).transpose()?;
        let (durability, ca) = parameters(&url)?;
        if ca.is_some() && !tls {
            return Err(UrlError::CaWithoutTls);
        }
        Ok(Self {
            // An IPv6 address stands in brackets.
            host: decoded(host.trim_start_matches('[').trim_end_matches(']'))?,
            port: url.port().unwrap_or(6379),
            tls,
            ca,
            user,
            password: password.map(Password::new),
            database: database(url.path())?,
            durability,
        })
    }

    /// What an operator should know of this address: what may be read on the way, and what a crash may cost.
    pub fn caveats(&self) -> Vec<&'static str> {
        let is_local = self.host == "localhost" || self.host.parse().is_ok_and(|host: IpAddr| host.is_loopback());
        let clear = "the connection to the Redis server is not encrypted; write rediss:// if it leaves the machine";
        let durability = match self.durability {
            Durability::Always => None,
            Durability::Everysec => Some("a crash of the Redis server may cost the writes of its last second"),
            Durability::Provider => Some("what a crash of the Redis server costs is not checked"),
        };
        (!self.tls && !is_local).then_some(clear).into_iter().chain(durability).collect()
    }

    /// The host and the port, for messages.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({})", self.address())
    }
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::NotAUrl)?;
    Ok(decoded.into_owned())
}

fn database(path: &str) -> Result<u16, UrlError> {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => Ok(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().map_err(|_| UrlError::Database),
        _ => Err(UrlError::Database),
    }
}

fn parameters(url: &Url) -> Result<(Durability, Option<PathBuf>), UrlError> {
    let (mut durability, mut ca) = (None, None);
    for (name, value) in url.query_pairs() {
        let first = match name.as_ref() {
            "durability" => durability.replace(durability_of(&value)?).is_none(),
            "ca" if !value.is_empty() => ca.replace(PathBuf::from(value.as_ref())).is_none(),
            _ => false,
        };
        if !first {
            return Err(UrlError::Parameter);
        }
    }
    Ok((durability.unwrap_or(Durability::Always), ca))
}

fn durability_of(word: &str) -> Result<Durability, UrlError> {
    match word {
        "always" => Ok(Durability::Always),
        "everysec" => Ok(Durability::Everysec),
        "provider" => Ok(Durability::Provider),
        _ => Err(UrlError::Durability),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(rediss?://)?[a-z:@/?#%&=.\\[\\]0-9é]{0,30}|.*") {
            if let Ok(url) = RedisUrl::parse(&text) {
                prop_assert!(!url.host.is_empty());
            }
        }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        let url =
            RedisUrl::parse("rediss://user:p%40ss@db.example.com:7000/3?durability=everysec&ca=/etc/ca.pem").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls, url.database), ("db.example.com", 7000, true, 3));
        assert_eq!((url.user.as_deref(), url.password), (Some("user"), Some(Password::new("p@ss"))));
        assert_eq!((url.durability, url.ca), (Durability::Everysec, Some(PathBuf::from("/etc/ca.pem"))));
    }

    #[test]
    fn most_parts_may_be_left_out() {
        let url = RedisUrl::parse("redis://localhost").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls, url.database), ("localhost", 6379, false, 0));
        assert_eq!((url.user, url.password, url.durability, url.ca), (None, None, Durability::Always, None));
        let url = RedisUrl::parse("valkey://:only-a-password@[::1]/").unwrap();
        assert_eq!((url.address().as_str(), url.user), ("[::1]:6379", None));
        assert_eq!((url.password, url.host.as_str()), (Some(Password::new("only-a-password")), "::1"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, error) in [
            ("", UrlError::NotAUrl),
            ("localhost:6379", UrlError::Scheme),
            ("http://localhost", UrlError::Scheme),
            ("redis+unix:///run/redis.sock", UrlError::Scheme),
            ("redis:", UrlError::Host),
            ("redis:///1", UrlError::Host),
            ("redis://localhost/one", UrlError::Database),
            ("redis://localhost/+1", UrlError::Database),
            ("redis://localhost/1/2", UrlError::Database),
            ("redis://localhost/65536", UrlError::Database),
            ("redis://localhost:65536", UrlError::NotAUrl),
            ("redis://localhost?protocol=resp3", UrlError::Parameter),
            ("redis://localhost?durability=always&durability=always", UrlError::Parameter),
            ("redis://localhost?durability=Always", UrlError::Durability),
            ("redis://localhost?durability=", UrlError::Durability),
            ("redis://localhost?ca=/etc/ca.pem", UrlError::CaWithoutTls),
            ("rediss://localhost?ca=", UrlError::Parameter),
        ] {
            assert_eq!(RedisUrl::parse(text).map(|url| url.address()), Err(error), "{text}");
        }
    }

    #[test]
    fn what_an_operator_should_know_is_said() {
        let caveats = |text| RedisUrl::parse(text).unwrap().caveats().len();
        for quiet in ["redis://localhost", "redis://127.0.0.1", "redis://[::1]", "rediss://db.example.com"] {
            assert_eq!(caveats(quiet), 0, "{quiet}");
        }
        assert_eq!(caveats("redis://db.example.com"), 1);
        assert_eq!(caveats("redis://10.0.0.1?durability=everysec"), 2);
        assert_eq!(caveats("rediss://10.0.0.1?durability=provider"), 1);
    }

    #[test]
    fn mn_30_no_url_turns_the_verification_of_certificates_off() {
        for text in ["rediss://localhost#insecure", "rediss://localhost/#insecure", "rediss://localhost?insecure=true"]
        {
            assert!(RedisUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mn_12_a_password_is_in_no_debug_output_and_no_error() {
        let url = RedisUrl::parse("redis://canary-user:canary-password@localhost").unwrap();
        assert!(!format!("{url:?}").contains("canary"));
        for text in ["redis://:canary@localhost#canary", "canary", "redis://:canary@localhost?canary=canary"] {
            let error = RedisUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}
