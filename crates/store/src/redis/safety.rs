//! Whether a server may be trusted with the only copy of somebody's tokens.
//!
//! Redis is a cache by birth: as it comes it forgets what it has not yet saved, and some set it up to forget when its
//! memory is full. A store must do neither, so the server is asked before it is used, on every connection: after a
//! failover another server answers, and somebody may have changed the settings.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, cmd};

use super::url::Durability;

/// Why what is written to a server might be lost, or might not be the truth, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// The server is older than any this program is made for.
    #[error("it is version {0}; Redis 7.0 or newer, or Valkey, is needed")]
    Version(String),
    /// The server is part of a cluster, or a Sentinel.
    #[error("it runs as a {0}; give the address of a single server that is the primary")]
    Mode(String),
    /// The server is a replica.
    #[error("it is a replica, which cannot be written; give the address of the primary")]
    Replica,
    /// The server removes records when its memory is full.
    #[error("it forgets records when its memory is full (maxmemory-policy {0}); set maxmemory-policy noeviction")]
    Evicts(String),
    /// The server keeps no log of its writes.
    #[error("it keeps no log of what is written; set appendonly yes and appendfsync always")]
    NoLog,
    /// The server does not wait for the disk.
    #[error(
        "it confirms what is not yet on the disk (appendfsync {0}); set appendfsync always, or accept to lose the last \
         second when it crashes, with ?durability=everysec and appendfsync everysec"
    )]
    Fsync(String),
    /// The server does not wait for the disk while it rewrites its log.
    #[error("it does not wait for the disk while it rewrites its log; set no-appendfsync-on-rewrite no")]
    FsyncPauses,
    /// The server does not tell.
    #[error(
        "it does not tell how it is set up (CONFIG GET is forbidden); allow it, or take the provider's word for the \
         durability with ?durability=provider"
    )]
    Unknown,
}

/// What a server says about itself.
#[derive(Debug, Default)]
pub(super) struct Report {
    info: HashMap<String, String>,
    /// `None` if the server does not tell.
    config: Option<HashMap<String, String>>,
}

impl Report {
    pub(super) async fn of(connection: &mut MultiplexedConnection) -> RedisResult<Self> {
        let info: String = cmd("INFO").query_async(connection).await?;
        let lines = info.lines().filter_map(|line| line.split_once(':'));
        let info = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut asked = cmd("CONFIG");
        asked.arg("GET").arg("appendfsync").arg("no-appendfsync-on-rewrite");
        let config = match asked.query_async(connection).await {
            Ok(config) => Some(config),
            // Providers forbid the command or take it away.
            Err(error) if is_answer(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { info, config })
    }

    fn info(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    /// Whether the server has only just started. It does not know yet then what it will be.
    pub(super) fn is_loading(&self) -> bool {
        self.info("loading") != "0"
    }

    /// Says why the server is not good enough for `durability`, if it is not.
    pub(super) fn check(&self, durability: Durability) -> Result<(), Unsafe> {
        let version = self.info("redis_version");
        let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0_u32);
        if major < 7 {
            return Err(Unsafe::Version(version.to_owned()));
        }
        // Valkey 8 has given it a new name.
        let mode = self.info.get("redis_mode").or_else(|| self.info.get("server_mode"));
        match mode.map_or("", String::as_str) {
            "standalone" => {}
            mode => return Err(Unsafe::Mode(mode.to_owned())),
        }
        if self.info("role") != "master" {
            return Err(Unsafe::Replica);
        }
        let policy = self.info("maxmemory_policy");
        // The volatile policies take only what has an expiry of Redis', and nothing of ours has one.
        if policy != "noeviction" && !policy.starts_with("volatile-") {
            return Err(Unsafe::Evicts(policy.to_owned()));
        }
        match durability {
            Durability::Provider => Ok(()),
            Durability::Always => self.check_log(&["always"]),
            Durability::Everysec => self.check_log(&["always", "everysec"]),
        }
    }

    fn check_log(&self, accepted: &[&str]) -> Result<(), Unsafe> {
        if self.info("aof_enabled") != "1" {
            return Err(Unsafe::NoLog);
        }
        let config = |name| self.config.as_ref()?.get(name).map(String::as_str);
        let fsync = config("appendfsync").ok_or(Unsafe::Unknown)?;
        if !accepted.contains(&fsync) {
            return Err(Unsafe::Fsync(fsync.to_owned()));
        }
        match config("no-appendfsync-on-rewrite").ok_or(Unsafe::Unknown)? {
            "no" => Ok(()),
            _ => Err(Unsafe::FsyncPauses),
        }
    }
}

/// Whether the server itself has said so.
fn is_answer(error: &RedisError) -> bool {
    error.code().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server with every setting as it should be.
    fn good() -> Report {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let info = [
            ("redis_version", "7.2.4"),
            ("redis_mode", "standalone"),
            ("role", "master"),
            ("maxmemory_policy", "noeviction"),
            ("aof_enabled", "1"),
        ];
        let config = [("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")];
        Report { info: map(&info), config: Some(map(&config)) }
    }

    fn with_info(name: &str, value: &str) -> Report {
        let mut report = good();
        report.info.insert(name.to_owned(), value.to_owned());
        report
    }

    fn with_config(name: &str, value: &str) -> Report {
        let mut report = good();
        report.config.as_mut().unwrap().insert(name.to_owned(), value.to_owned());
        report
    }

    fn refusal(report: &Report) -> Unsafe {
        report.check(Durability::Always).unwrap_err()
    }

    #[test]
    fn a_server_that_waits_for_the_disk_and_forgets_nothing_is_safe() {
        assert_eq!(good().check(Durability::Always), Ok(()));
        assert_eq!(with_info("redis_version", "10.0.0").check(Durability::Always), Ok(()));
        assert_eq!(with_info("maxmemory_policy", "volatile-lru").check(Durability::Always), Ok(()));
    }

    #[test]
    fn a_server_that_may_lose_or_forget_is_refused() {
        assert_eq!(refusal(&with_info("redis_version", "6.2.14")), Unsafe::Version("6.2.14".to_owned()));
        assert_eq!(refusal(&with_info("redis_mode", "cluster")), Unsafe::Mode("cluster".to_owned()));
        assert_eq!(refusal(&with_info("redis_mode", "sentinel")), Unsafe::Mode("sentinel".to_owned()));
        assert_eq!(refusal(&with_info("role", "slave")), Unsafe::Replica);
        assert_eq!(refusal(&with_info("maxmemory_policy", "allkeys-lru")), Unsafe::Evicts("allkeys-lru".to_owned()));
        assert_eq!(refusal(&with_info("aof_enabled", "0")), Unsafe::NoLog);
        assert_eq!(refusal(&with_config("appendfsync", "everysec")), Unsafe::Fsync("everysec".to_owned()));
        assert_eq!(refusal(&with_config("no-appendfsync-on-rewrite", "yes")), Unsafe::FsyncPauses);
        assert_eq!(refusal(&Report { config: None, ..good() }), Unsafe::Unknown);
    }

    #[test]
    fn mn_23_a_server_that_says_nothing_of_a_setting_is_refused() {
        for name in good().info.into_keys() {
            let mut silent = good();
            silent.info.remove(&name);
            assert!(silent.check(Durability::Always).is_err(), "{name}");
        }
        for name in good().config.unwrap().into_keys() {
            let mut silent = good();
            silent.config.as_mut().unwrap().remove(&name);
            assert_eq!(refusal(&silent), Unsafe::Unknown, "{name}");
        }
    }

    #[test]
    fn an_explicit_word_accepts_less() {
        let second = with_config("appendfsync", "everysec");
        assert_eq!(second.check(Durability::Everysec), Ok(()));
        assert_eq!(good().check(Durability::Everysec), Ok(()));
        assert!(with_config("appendfsync", "no").check(Durability::Everysec).is_err());
        assert!(with_info("aof_enabled", "0").check(Durability::Everysec).is_err());
        let untold = Report { config: None, ..with_info("aof_enabled", "0") };
        assert_eq!(untold.check(Durability::Provider), Ok(()));
        let evicts = Report { config: None, ..with_info("maxmemory_policy", "allkeys-lfu") };
        assert!(evicts.check(Durability::Provider).is_err());
    }
}
