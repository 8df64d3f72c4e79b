//! `stagedoor keys generate|public|rotate|api`: the keys and secrets that people hand over and change.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;
use stagedoor_flows::cobrowse::ApiKey;
use stagedoor_flows::port::Clock as _;
use stagedoor_flows::port::Entropy;
use stagedoor_gateway::{SystemClock, SystemEntropy};
use stagedoor_protocol::jwt::{Es256Key, PrivateKeyPem};

use super::{SettingsArgs, generate, input};
use crate::failure::{Failure, Outcome};
use crate::settings::{self, ConsumerKeys, ConsumerKeysIfAny, Environment};
use crate::{console, private_file, wiring};

/// Where `generate` writes the private key, and `public` looks for it where the settings say nothing.
const PRIVATE_KEY: &str = "consumer.pem";

/// Make, show and change keys: of consumer authentication, of servers, and the secret of the deployment
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor keys generate\n  stagedoor keys public\n  stagedoor keys api desk --role 2"
)]
pub(super) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Generate(Generate),
    Public(Public),
    Rotate(Rotate),
    Api(Api),
}

/// Make the private key of consumer authentication, and print the public key for Zoom's page
///
/// Writes what Zoom's page makes with openssl: P-256, SEC1, PEM. The file is readable for you only; nothing is overwritten.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor keys generate\n  stagedoor keys generate /etc/stagedoor/consumer.pem --json\n  stagedoor keys generate --secret > /run/secrets/stagedoor"
)]
struct Generate {
    /// The file to write.
    #[arg(default_value = PRIVATE_KEY)]
    file: PathBuf,
    /// Print a secret for a deployment (STAGEDOOR_SECRET) instead; nothing is written.
    #[arg(long, conflicts_with = "file")]
    secret: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Print the public key to paste into Zoom's page
///
/// The key that signs now, by the settings; with --next the one that takes over. Where there are no settings of consumer
/// authentication yet, it is that of consumer.pem here.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  stagedoor keys public > public.pem\n  stagedoor keys public --next\n  stagedoor keys public --key @consumer.pem"
)]
struct Public {
    #[command(flatten)]
    settings: SettingsArgs,
    /// A private key that is not in the settings: @FILE, or - for standard input.
    #[arg(long, value_name = "@FILE", conflicts_with = "next")]
    key: Option<String>,
    /// The key that takes over at consumer.next_key_at.
    #[arg(long)]
    next: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Begin to change a key or the secret, and print the steps
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stagedoor keys rotate consumer\n  stagedoor keys rotate secret")]
struct Rotate {
    /// What is changed.
    what: Rotated,
    /// The file to write the next private key of consumer authentication to [default: consumer.next.pem].
    file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rotated {
    /// The key of consumer authentication.
    Consumer,
    /// The secret from which the keys derive that seal what is stored.
    Secret,
}

/// Make an API key by which a server gets Cobrowse tokens, and print its line of the settings
///
/// The key is shown once; the settings hold its hash.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stagedoor keys api desk --role 1 --role 2\n  stagedoor keys api kiosk --json")]
struct Api {
    /// Who will use it, for the audit log.
    name: String,
    /// A role of its tokens: 1 for customers, 2 for agents. May be repeated.
    #[arg(long = "role", value_name = "ROLE", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=2))]
    roles: Vec<u8>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Keys {
    pub(super) fn run(self) -> Outcome {
        match self.action {
            Action::Generate(generate) => generate.run(),
            Action::Public(public) => public.run(),
            Action::Rotate(rotate) => rotate.run(),
            Action::Api(api) => api.run(),
        }
    }
}

impl Generate {
    fn run(self) -> Outcome {
        if self.secret {
            let secret = generate::secret();
            if self.json {
                console::say_json(&json!({ "secret": secret }));
            } else {
                console::say(secret);
            }
            return Ok(());
        }
        let key = make(&self.file)?;
        if self.json {
            console::say_json(&Made::of(&self.file, &key));
            return Ok(());
        }
        console::note(format_args!(
            "Wrote {}, which only you can read. In stagedoor.toml:\n\n  [consumer]\n  private_key = {{ file = \"{}\" }}\n\n\
             In Zoom (Contact Center Management, Preferences, Consumer Authentication), the JWT public key is:\n",
            self.file.display(),
            self.file.display()
        ));
        console::say(key.public_pem().trim_end());
        Ok(())
    }
}

impl Public {
    fn run(self) -> Outcome {
        let (kid, pem) = match &self.key {
            Some(argument) => given(argument)?,
            None => self.of_settings()?,
        };
        if self.json {
            console::say_json(&json!({ "kid": kid, "public_key": pem }));
        } else {
            console::say(pem.trim_end());
        }
        Ok(())
    }

    fn of_settings(&self) -> Result<(String, String), Failure> {
        let flags = self.settings.flags();
        let ConsumerKeysIfAny(settings) = settings::read(&flags, Environment::of_process())?;
        let settings = match settings {
            Some(settings) => settings,
            None if !self.next && Path::new(PRIVATE_KEY).exists() => return given(&format!("@{PRIVATE_KEY}")),
            None => settings::read::<ConsumerKeys>(&flags, Environment::of_process())?,
        };
        let at = match (&settings.next, self.next) {
            (Some((from, _)), true) => *from,
            (None, true) => return Err(Failure::Failed(anyhow!("there is no next key (consumer.next_key)"))),
            (_, false) => SystemClock.now(),
        };
        let keys = wiring::signing_keys(&settings)?;
        let key = keys.at(at);
        Ok((key.kid().to_owned(), key.public_pem()))
    }
}

/// The key id and the public half of a key that is not in the settings.
fn given(argument: &str) -> Result<(String, String), Failure> {
    let key = Es256Key::from_pem(&PrivateKeyPem::new(input::secret("--key", argument)?));
    let key = key.map_err(|error| Failure::Failed(anyhow!("the key cannot be read: {error}")))?;
    Ok((key.jwk().kid().to_owned(), key.public_pem()))
}

impl Rotate {
    fn run(self) -> Outcome {
        match (self.what, &self.file) {
            (Rotated::Consumer, file) => self.consumer(file.as_deref().unwrap_or(Path::new("consumer.next.pem"))),
            (Rotated::Secret, None) => {
                self.secret();
                Ok(())
            }
            (Rotated::Secret, Some(_)) => Err(Failure::Usage("a secret is printed, and no file is written".into())),
        }
    }

    /// Zoom holds one public key, so the change is one instant; both sides can be made ready for it before.
    fn consumer(&self, file: &Path) -> Outcome {
        let key = make(file)?;
        if self.json {
            console::say_json(&Made::of(file, &key));
            return Ok(());
        }
        let file = file.display();
        console::note(format_args!(
            "Wrote {file}, which only you can read.\n\n\
             1. Choose a quiet minute, and deploy the next key with it (in UTC) on all replicas:\n\n\
             \x20    [consumer]\n\
             \x20    next_key = {{ file = \"{file}\" }}\n\
             \x20    next_key_at = \"2027-01-31T04:00:00Z\"\n\n\
             2. In that minute, put the public key below in the place of the old one in Zoom (Contact Center Management,\n\
             \x20  Preferences, Consumer Authentication). Chats that begin between the two go on unauthenticated.\n\
             3. Later, make {file} the private_key, and remove next_key and next_key_at.\n"
        ));
        console::say(key.public_pem().trim_end());
        Ok(())
    }

    fn secret(&self) {
        let secret = generate::secret();
        if self.json {
            return console::say_json(&json!({ "secret": secret }));
        }
        console::note(
            "1. Where several replicas restart one after the other, first give all of them the new secret below in\n\
             \x20  previous_secrets (STAGEDOOR_PREVIOUS_SECRETS), so that each can open what the others will seal with it.\n\
             2. Swap the two: the present one in previous_secrets, where it still opens what it sealed, and the new one\n\
             \x20  as secret (STAGEDOOR_SECRET). Restart all replicas; they seal anew what lasts.\n\
             3. When the metric stagedoor_records_outdated is 0 and the longest session (session.ttl_seconds) is over,\n\
             \x20  remove the old one.\n",
        );
        console::say(secret);
    }
}

impl Api {
    fn run(self) -> Outcome {
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(is_plain) {
            return Err(Failure::Usage("a name has up to 64 letters, digits, and the characters - _ .".into()));
        }
        let mut roles = self.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        let key = ApiKey::from_bytes(random());
        let line = format!("{{ name = \"{}\", hash = \"{}\", roles = {roles:?} }}", self.name, key.hash());
        if self.json {
            console::say_json(&json!({ "key": key.expose(), "hash": key.hash().to_string(), "line": line }));
            return Ok(());
        }
        console::note("The key, which is shown only now; it is sent as Authorization: Bearer KEY.\n");
        console::say(key.expose());
        console::note(format_args!("\nIn stagedoor.toml:\n\n  [cobrowse]\n  api_keys = [{line}]"));
        Ok(())
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

#[derive(Serialize)]
struct Made<'a> {
    file: &'a Path,
    kid: &'a str,
    public_key: String,
}

impl<'a> Made<'a> {
    fn of(file: &'a Path, key: &'a Es256Key) -> Self {
        Self { file, kid: key.jwk().kid(), public_key: key.public_pem() }
    }
}

/// Makes a key and its file.
fn make(file: &Path) -> anyhow::Result<Es256Key> {
    // Random bytes are outside the group once in four billion times.
    let key = std::iter::repeat_with(random).find_map(|scalar| Es256Key::from_scalar(&scalar).ok());
    let key = key.expect("the iterator never ends");
    match private_file::create(file, key.to_pem().expose().as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(anyhow!("{} exists, and nothing is overwritten: name another file", file.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
    }
}

fn random() -> [u8; 32] {
    (&SystemEntropy as &dyn Entropy).bytes()
}
