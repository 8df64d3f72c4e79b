use askama::Template;

use crate::world::people::{People, Person};
use crate::world::provider::Account;

/// The page on which a user consents.
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage {
    pub(crate) app_name: String,
    pub(crate) request: String,
    pub(crate) redirect_host: String,
    pub(crate) scopes: Vec<ScopeLine>,
    pub(crate) users: Vec<Choice>,
}

/// A scope and what it allows.
pub(crate) struct ScopeLine {
    pub(crate) scope: String,
    pub(crate) sentence: String,
}

/// A user who can consent.
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    pub(crate) selected: bool,
}

/// The page on which a user signs in at the bundled third-party provider.
#[derive(Template)]
#[template(path = "provider.html")]
pub(crate) struct ProviderPage {
    pub(crate) app_name: String,
    pub(crate) request: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) accounts: &'static [Account],
    pub(crate) selected: &'static str,
}

/// A page that says one thing and what to do about it.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice {
    pub(crate) title: String,
    pub(crate) sentence: String,
    pub(crate) fix: String,
    pub(crate) code: String,
}

impl Notice {
    pub(crate) fn new(title: &str, sentence: impl Into<String>, fix: &str, code: impl Into<String>) -> Self {
        Self { title: title.into(), sentence: sentence.into(), fix: fix.into(), code: code.into() }
    }
}

/// The page as HTML.
pub(crate) fn render(page: &impl Template) -> String {
    page.render().expect("templates are checked when they are compiled, and a string takes everything")
}

impl ScopeLine {
    pub(crate) fn of(scope: &str) -> Self {
        let sentence = match scope {
            "user:read:user" | "user:read" => "See your name, email address and account",
            "zoomapp:inmeeting" => "Be opened inside Zoom, in meetings and beside them",
            "meeting:read:list_meetings" => "See the list of your meetings",
            "meeting:read:meeting" | "meeting:read" => "See your meetings",
            "meeting:write:meeting" | "meeting:write" => "Schedule and change meetings for you",
            "app:deeplink:write" => "Open itself in your Zoom client",
            _ => "Use this part of Zoom for you",
        };
        Self { scope: scope.into(), sentence: sentence.into() }
    }
}

impl Choice {
    /// Everybody, with the one who sits at the client selected.
    pub(crate) fn all(people: &People) -> Vec<Self> {
        let seated = &people.seated().id;
        let choice = |person: &Person| Self {
            id: person.id.clone(),
            name: person.name.clone(),
            email: person.email.clone(),
            initials: person.initials.clone(),
            selected: person.id == *seated,
        };
        people.all().iter().map(choice).collect()
    }
}
