//! The website of a business: who is signed in there, and what Zoom knows of the visitor who chats.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::journal::FlowId;
use crate::entropy;
use crate::jwt::consumer::PublicKey;

/// How many sessions the website has at most.
const MAX_SESSIONS: usize = 200;

/// A customer of the website.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Consumer {
    pub(crate) sub: &'static str,
    pub(crate) name: &'static str,
    pub(crate) given_name: &'static str,
    pub(crate) family_name: &'static str,
    pub(crate) email: &'static str,
}

/// The customers who have an account.
pub(crate) const CONSUMERS: [Consumer; 3] = [
    consumer(["c-1001", "Katherine Johnson", "Katherine", "Johnson", "katherine@example.com"]),
    consumer(["c-1002", "Mary Jackson", "Mary", "Jackson", "mary@example.com"]),
    consumer(["c-1003", "Zoë 🚒 Dąbrowska", "Zoë 🚒", "Dąbrowska", "zoe@example.org"]),
];

const fn consumer([sub, name, given_name, family_name, email]: [&'static str; 5]) -> Consumer {
    Consumer { sub, name, given_name, family_name, email }
}

/// One row of the table that maps fields of the token to global variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) field: String,
    pub(crate) variable: String,
}

/// How the page of the website gets the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// The chat widget asks the endpoint.
    #[default]
    Endpoint,
    /// The page overrides `getAuthCredentials`.
    Override,
}

/// A global variable, and what the flow and the agent see in it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Variable {
    pub(crate) variable: String,
    pub(crate) value: Value,
}

/// A chat of a visitor.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chat {
    pub(crate) engagement: String,
    pub(crate) authenticated: bool,
    pub(crate) variables: Vec<Variable>,
    /// Why the visitor is not authenticated.
    pub(crate) sentence: Option<String>,
    pub(crate) at_ms: UnixMillis,
    #[serde(skip)]
    pub(crate) flow: FlowId,
}

/// The website, and what Zoom's admin page says of it.
pub(crate) struct Website {
    pub(crate) auth_endpoint: Url,
    pub(crate) public_key: Option<PublicKey>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) way: Way,
    pub(crate) chat: Option<Chat>,
    sessions: VecDeque<(String, Consumer)>,
}

impl Website {
    /// As it was configured. A key that is none counts as not pasted; `Emulator::bind` refuses it.
    pub(crate) fn new(config: &crate::config::Website) -> Self {
        let public_key = config.public_key.as_deref().and_then(|pem| PublicKey::from_pem(pem).ok());
        let rule = |(field, variable): (&str, &str)| Rule { field: field.into(), variable: variable.into() };
        let rules = [("email", "global_custom.Consumer.email"), ("firstName", "global_custom.Consumer.firstName")];
        let rules = rules.map(rule).to_vec();
        let auth_endpoint = config.auth_endpoint.clone();
        Self { auth_endpoint, public_key, rules, way: Way::default(), chat: None, sessions: VecDeque::new() }
    }

    /// Signs a customer in; returns the session's name.
    pub(crate) fn sign_in(&mut self, consumer: Consumer) -> String {
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.pop_front();
        }
        let name = entropy::base64url(32);
        self.sessions.push_back((name.clone(), consumer));
        name
    }

    pub(crate) fn sign_out(&mut self, session: &str) {
        self.sessions.retain(|(name, _)| name != session);
    }

    /// Who is signed in with a session.
    pub(crate) fn who(&self, session: &str) -> Option<Consumer> {
        self.sessions.iter().find(|(name, _)| name == session).map(|(_, consumer)| *consumer)
    }

    /// The global variables that a verified token sets.
    pub(crate) fn variables(&self, payload: &Value) -> Vec<Variable> {
        let set = |rule: &Rule| {
            let value = payload.get(&rule.field)?.clone();
            Some(Variable { variable: rule.variable.clone(), value })
        };
        self.rules.iter().filter_map(set).collect()
    }
}
