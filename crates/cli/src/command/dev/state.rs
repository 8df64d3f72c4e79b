//! What `dev` keeps between two runs: its keys and its store.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use stagedoor_flows::seal::MasterSecret;
use stagedoor_protocol::id::ClientId;
use stagedoor_protocol::secret::{ClientSecret, WebhookSecret};

use crate::command::generate;
use crate::private_file;
use crate::settings::Secrets;

/// The directory of one development, and the keys in it.
#[derive(Debug)]
pub(super) struct State {
    directory: PathBuf,
    secret: MasterSecret,
    pub(super) client_id: ClientId,
    pub(super) client_secret: ClientSecret,
    /// New at each start: the emulator and the gateway start together.
    pub(super) webhook_secret: WebhookSecret,
}

/// The keys as they lie in the directory. They open nothing but this machine's own emulator and store.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    client_id: ClientId,
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    client_secret: ClientSecret,
    #[serde(with = "stagedoor_protocol::secret::exposed")]
    secret: MasterSecret,
}

impl State {
    /// Opens the directory, or makes it with new keys, for its owner only.
    pub(super) fn open(directory: &Path) -> anyhow::Result<Self> {
        make(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join("keys.json");
        let keys = if path.exists() { read(&path)? } else { write(&path)? };
        let Keys { client_id, client_secret, secret } = keys;
        let webhook_secret = WebhookSecret::new(generate::letters(22));
        Ok(Self { directory: directory.to_owned(), secret, client_id, client_secret, webhook_secret })
    }

    /// The file of the store.
    pub(super) fn store(&self) -> PathBuf {
        self.directory.join("dev.db")
    }

    /// A key of its own for each purpose, from the secret that is kept.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose().as_bytes());
        let tag = hmac::sign(&key, format!("stagedoor dev: {purpose}").as_bytes());
        tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    pub(super) fn secrets(&self) -> Secrets {
        Secrets { current: self.secret.clone(), previous: vec![] }
    }
}

/// The directory ignores itself, so that nobody commits it.
fn make(directory: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => std::fs::write(directory.join(".gitignore"), "*\n"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> anyhow::Result<Keys> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Its own error could quote a key.
    let keys: Option<Keys> = serde_json::from_slice(&bytes).ok();
    keys.filter(|keys| keys.secret.expose().len() >= MasterSecret::MIN).ok_or_else(|| {
        anyhow!("{} does not hold the keys of stagedoor dev; delete its directory to begin anew", path.display())
    })
}

fn write(path: &Path) -> anyhow::Result<Keys> {
    let keys = Keys {
        client_id: ClientId::parse(generate::letters(22)).context("letters are an id")?,
        client_secret: ClientSecret::new(generate::letters(32)),
        secret: MasterSecret::new(generate::secret()),
    };
    let text = serde_json::to_string_pretty(&keys).expect("keys are plain text");
    keep(path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(keys)
}

/// Whole or not at all, whenever the process dies.
fn keep(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => private_file::create(&new, content)?,
    }
    std::fs::rename(new, path)
}
