//! What the emulated platform knows: people, grants, deep links, open views and the journal of what happened.
//!
//! All of it lives behind one lock, is bounded, and is gone when the process ends.

pub(crate) mod cobrowse;
pub(crate) mod connects;
pub(crate) mod cookies;
pub(crate) mod docs;
pub(crate) mod engagement;
pub(crate) mod event;
pub(crate) mod grants;
pub(crate) mod install;
pub(crate) mod jar;
pub(crate) mod journal;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod meetings;
pub(crate) mod people;
pub(crate) mod prompt;
pub(crate) mod provider;
pub(crate) mod subscription;
pub(crate) mod views;
pub(crate) mod webhooks;
pub(crate) mod website;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stagedoor_protocol::time::UnixMillis;

use self::cobrowse::Cobrowse;
use self::connects::Connects;
use self::cookies::FrameCookies;
use self::engagement::Engagement;
use self::event::Events;
use self::grants::Grants;
use self::install::Installs;
use self::jar::Jar;
use self::journal::Journal;
use self::limits::Limits;
use self::links::Links;
use self::meetings::Meetings;
use self::people::{People, Where};
use self::prompt::Prompts;
use self::provider::Provider;
use self::views::Views;
use self::webhooks::Webhooks;
use self::website::Website;
use crate::config::Config;
use crate::fault::Faults;

/// What the authorize page does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Consent {
    /// It asks on a page.
    #[default]
    Ask,
    /// It consents at once, as the chosen user.
    Allow,
    /// It declines at once.
    Deny,
}

/// Which Apps SDK a document in the web view gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sdk {
    /// The emulator's own, which needs no network.
    #[default]
    #[serde(rename = "stand-in")]
    StandIn,
    /// Zoom's, as the document asks for it.
    #[serde(rename = "zoom")]
    Zoom,
}

/// The state of the platform.
pub(crate) struct World {
    pub(crate) people: People,
    pub(crate) place: Where,
    pub(crate) consent: Consent,
    pub(crate) sdk: Sdk,
    pub(crate) faults: Faults,
    pub(crate) installs: Installs,
    pub(crate) grants: Grants,
    pub(crate) links: Links,
    /// Third-party sign-ins, and the bundled provider of them.
    pub(crate) connects: Connects,
    pub(crate) provider: Provider,
    pub(crate) meetings: Meetings,
    pub(crate) limits: Limits,
    /// What the agent at the Contact Center works on.
    pub(crate) engagement: Option<Engagement>,
    pub(crate) prompts: Prompts,
    pub(crate) views: Views,
    /// One cookie jar for each user: the web view of a client keeps its cookies between launches.
    pub(crate) jars: BTreeMap<String, Jar>,
    /// What happens to the app's cookies in the frame of the web client.
    pub(crate) frame_cookies: FrameCookies,
    pub(crate) webhooks: Webhooks,
    pub(crate) website: Website,
    pub(crate) cobrowse: Cobrowse,
    pub(crate) journal: Journal,
}

impl World {
    pub(crate) fn new(config: &Config, events: Events, now: UnixMillis) -> Self {
        Self {
            people: People::default(),
            place: Where::default(),
            consent: Consent::default(),
            sdk: Sdk::default(),
            faults: Faults::default(),
            installs: Installs::default(),
            grants: Grants::default(),
            links: Links::default(),
            connects: Connects::default(),
            provider: Provider::default(),
            meetings: Meetings::default(),
            limits: Limits::default(),
            engagement: None,
            prompts: Prompts::default(),
            views: Views::default(),
            jars: BTreeMap::new(),
            frame_cookies: FrameCookies::default(),
            webhooks: Webhooks::new(config.webhook_url.clone(), now, events.clone()),
            website: Website::new(&config.website),
            cobrowse: Cobrowse::default(),
            journal: Journal::new(events),
        }
    }

    /// Goes back to the beginning. Numbers of views, flows, steps and deliveries are not used again, so that nothing old is
    /// mistaken for something new.
    pub(crate) fn reset(&mut self, config: &Config, now: UnixMillis) {
        self.people = People::default();
        self.place = Where::default();
        self.consent = Consent::default();
        self.sdk = Sdk::default();
        self.faults = Faults::default();
        self.installs = Installs::default();
        self.grants = Grants::default();
        self.links = Links::default();
        self.connects = Connects::default();
        self.provider = Provider::default();
        self.meetings = Meetings::default();
        self.limits = Limits::default();
        self.engagement = None;
        self.prompts = Prompts::default();
        self.views.forget();
        self.jars.clear();
        self.frame_cookies = FrameCookies::default();
        self.webhooks.reset(config.webhook_url.clone(), now);
        self.website = Website::new(&config.website);
        self.cobrowse = Cobrowse::default();
        self.journal.forget();
    }
}
