//! `stagedoor init`: a directory to begin with.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::generate;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::marketplace::Registration;
use crate::settings::{self, Draft, Environment, Flags, starter_file};
use crate::{private_file, sample};

/// Begin a deployment: settings, secrets, a starter app and a Marketplace manifest
///
/// Writes stagedoor.toml, .env (readable for you only), app/, zoom-manifest.json and .gitignore. Nothing that exists
/// is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stagedoor init\n  stagedoor init my-app --public-url https://app.example.com")]
pub(super) struct Init {
    /// The directory; it is made where it does not exist.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The address of the app as Zoom will see it.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

const GITIGNORE: &str = ".env\n.stagedoor/\n*.db\n*.db-shm\n*.db-wal\n*.pem\n";

/// Who may read a new file.
#[derive(Clone, Copy)]
enum Readers {
    Everybody,
    Owner,
}

impl Init {
    pub(super) fn run(self) -> Outcome {
        // Before anything is written, so that a wrong URL leaves nothing behind.
        let set: Vec<_> = self.public_url.iter().map(|url| format!("public_url={url}")).collect();
        let config = self.dir.join("stagedoor.toml");
        let flags = Flags { config: config.clone(), is_named: false, set };
        let draft: Draft = settings::read(&flags, Environment::default())?;
        self.write(&config, &draft.registration)?;
        console::say(self.next_steps(draft.has_url));
        Ok(())
    }

    fn write(&self, config: &Path, registration: &Registration) -> Result<(), Failure> {
        let at = |name: &str| self.dir.join(name);
        make_directory(&at("app"))?;
        write_new(config, starter_file(self.public_url.as_deref()).as_bytes(), Readers::Everybody)?;
        write_new(&at(".env"), environment_file().as_bytes(), Readers::Owner)?;
        for (name, content) in sample::FILES {
            write_new(&at("app").join(name), content, Readers::Everybody)?;
        }
        let manifest = serde_json::to_string_pretty(&registration.manifest()).expect("a JSON value is JSON") + "\n";
        write_new(&at("zoom-manifest.json"), manifest.as_bytes(), Readers::Everybody)?;
        if !write_new(&at(".gitignore"), GITIGNORE.as_bytes(), Readers::Everybody)? && !ignores_env(&at(".gitignore")) {
            console::note("Add .env to your .gitignore: it holds secrets.");
        }
        Ok(())
    }

    fn next_steps(&self, knows_url: bool) -> String {
        let cd = if self.dir == Path::new(".") { String::new() } else { format!("cd {} && ", self.dir.display()) };
        let url = if knows_url {
            "1. Upload zoom-manifest.json in the Marketplace (Develop, Build App), and copy the client id and secret of\n   \
             your app into .env."
        } else {
            "1. Set public_url in stagedoor.toml, and put it in the place of app.example.com in zoom-manifest.json. Upload\n   \
             that file in the Marketplace (Develop, Build App), and copy the client id and secret of your app into .env."
        };
        format!(
            "\nTry it now, without an account:\n  {cd}stagedoor dev --app app\n\nFor Zoom:\n{url}\n\
             2. {cd}stagedoor check    says what is missing, and prints what else to enter\n\
             3. {cd}stagedoor serve    behind a proxy that speaks https at public_url\n\
             4. {cd}stagedoor doctor   says what Zoom would find wrong"
        )
    }
}

fn environment_file() -> String {
    let secret = generate::secret();
    format!(
        "# Secrets of this deployment. Keep this file out of version control, and its content the same for as long as\n\
         # the store lives: it opens what is stored.\n\
         STAGEDOOR_SECRET={secret}\n\n\
         # From the Marketplace, App Credentials.\n\
         ZOOM_CLIENT_ID=\n\
         ZOOM_CLIENT_SECRET=\n\n\
         # The same of a Cobrowse app, where there is one.\n\
         #ZOOM_SDK_KEY=\n\
         #ZOOM_SDK_SECRET=\n\n\
         # From the Marketplace, Feature, Token: for webhooks, and to hear that a user has removed the app.\n\
         #ZOOM_WEBHOOK_SECRET_TOKEN=\n"
    )
}

fn make_directory(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).create(path).with_context(|| format!("cannot make {}", path.display()))
}

/// Writes a file that must be new; says whether it was.
fn write_new(path: &Path, content: &[u8], readers: Readers) -> anyhow::Result<bool> {
    let written = match readers {
        Readers::Owner => private_file::create(path, content),
        Readers::Everybody => File::create_new(path).and_then(|mut file| file.write_all(content)),
    };
    let is_new = match written {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
    };
    console::say(format_args!("{} {}", if is_new { "wrote" } else { "kept " }, path.display()));
    Ok(is_new)
}

fn ignores_env(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| matches!(line.trim(), ".env" | "/.env" | ".env*" | "*.env"))
}
