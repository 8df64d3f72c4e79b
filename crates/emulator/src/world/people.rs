use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::entropy;

/// A Zoom user.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    pub(crate) account: String,
}

impl Person {
    /// The id of the user's account: the same for all of its users.
    pub(crate) fn account_id(&self) -> String {
        short_digest(&self.account)
    }
}

/// An id of 22 characters that is always the same for the same text.
fn short_digest(text: &str) -> String {
    let mut id = URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()));
    id.truncate(22);
    id
}

/// The users, and who of them sits at the client.
#[derive(Debug)]
pub(crate) struct People {
    all: Vec<Person>,
    seat: String,
}

/// How many users there may be.
const MAX_PEOPLE: usize = 200;

/// The users at the start. Their ids stay the same, so that a backend that remembers them over a restart is right.
const CAST: [(&str, &str, &str, &str); 3] = [
    ("7lVvQmTkRwGfQmX2yq1BzA", "Ada Lovelace", "ada@example.com", "Analytical Engines"),
    ("kZ0fWq3sT9yUe1rLh5NdGw", "Grace Hopper", "grace@example.com", "Analytical Engines"),
    ("Rb8mXc2vQ4iJo6tYn7PzSg", "Alan Turing", "alan@example.org", "Bletchley Park"),
];

impl Default for People {
    fn default() -> Self {
        let person = |(id, name, email, account): (&str, &str, &str, &str)| Person {
            id: id.into(),
            name: name.into(),
            email: email.into(),
            initials: initials(name),
            account: account.into(),
        };
        Self { all: CAST.map(person).to_vec(), seat: CAST[0].0.into() }
    }
}

impl People {
    pub(crate) fn all(&self) -> &[Person] {
        &self.all
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Person> {
        self.all.iter().find(|person| person.id == id)
    }

    /// Who sits at the client.
    pub(crate) fn seated(&self) -> &Person {
        self.find(&self.seat).expect("only known people take the seat, and nobody is removed")
    }

    /// Seats a user at the client; false if there is no such user.
    pub(crate) fn seat(&mut self, id: &str) -> bool {
        let known = self.find(id).is_some();
        if known {
            id.clone_into(&mut self.seat);
        }
        known
    }

    /// Creates a user; none if there are too many.
    pub(crate) fn add(&mut self, name: &str, email: Option<&str>) -> Option<Person> {
        if self.all.len() >= MAX_PEOPLE {
            return None;
        }
        let mailbox: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let person = Person {
            id: entropy::base64url(22),
            name: name.into(),
            email: email.map_or_else(|| format!("{mailbox}@example.com"), Into::into),
            initials: initials(name),
            account: "Analytical Engines".into(),
        };
        self.all.push(person.clone());
        Some(person)
    }
}

fn initials(name: &str) -> String {
    name.split_whitespace().filter_map(|word| word.chars().next()).take(2).flat_map(char::to_uppercase).collect()
}

/// What runs in the client: the `typ` of an app context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Typ {
    Panel,
    Meeting,
    Webinar,
    /// An agent's desk. What Zoom writes here is not documented.
    #[serde(rename = "contact_center")]
    ContactCenter,
}

impl Typ {
    /// The roles that somebody can have there.
    fn roles(self) -> &'static [Role] {
        match self {
            Self::Panel | Self::ContactCenter => &[],
            Self::Meeting => &[Role::Host, Role::CoHost, Role::Participant],
            Self::Webinar => &[Role::Host, Role::CoHost, Role::Panelist, Role::Attendee],
        }
    }
}

/// The role in a meeting or webinar: `attendrole` of an app context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Host,
    CoHost,
    Participant,
    Panelist,
    Attendee,
}

/// Where the client is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Where {
    pub(crate) typ: Typ,
    pub(crate) role: Option<Role>,
    pub(crate) topic: Option<String>,
    pub(crate) meeting: Option<String>,
}

impl Default for Where {
    fn default() -> Self {
        Self::at(Typ::Meeting, None, None)
    }
}

impl Where {
    /// Goes to a place. What is left out stays as it is where the kind of place stays; a meeting is another one when its
    /// topic changes. None if nobody has this role there.
    pub(crate) fn go(&self, typ: Typ, role: Option<Role>, topic: Option<String>) -> Option<Self> {
        if role.is_some_and(|role| !typ.roles().contains(&role)) {
            return None;
        }
        let here = Some(self).filter(|here| here.typ == typ);
        let topic = topic.or_else(|| here?.topic.clone());
        let mut there = Self::at(typ, role.or_else(|| here?.role), topic);
        if let Some(here) = here.filter(|here| here.topic == there.topic) {
            there.meeting.clone_from(&here.meeting);
        }
        Some(there)
    }

    /// Whether Zoom opens the app without saying for whom, whoever it is: attendees of webinars are always guests.
    pub(crate) fn is_for_guests(&self) -> bool {
        self.typ == Typ::Webinar && self.role == Some(Role::Attendee)
    }

    /// A place: a meeting and a webinar get a UUID, a role and a topic, the others have none of them.
    fn at(typ: Typ, role: Option<Role>, topic: Option<String>) -> Self {
        if matches!(typ, Typ::Panel | Typ::ContactCenter) {
            return Self { typ, role: None, topic: None, meeting: None };
        }
        let topic = topic.unwrap_or_else(|| if typ == Typ::Meeting { "Standup" } else { "All hands" }.into());
        Self { typ, role: Some(role.unwrap_or(Role::Host)), topic: Some(topic), meeting: Some(entropy::uuid()) }
    }

    /// What the Apps SDK calls a user here: the same as long as the meeting is, and not the user's id.
    pub(crate) fn participant(&self, user: &str) -> String {
        let meeting = self.meeting.as_deref().unwrap_or_default();
        short_digest(&format!("{meeting} {user}"))
    }

    /// The running context that the Apps SDK names.
    pub(crate) fn running_context(&self) -> &'static str {
        match self.typ {
            Typ::Panel => "inMainClient",
            Typ::Meeting => "inMeeting",
            Typ::Webinar => "inWebinar",
            Typ::ContactCenter => "inContactCenter",
        }
    }
}
