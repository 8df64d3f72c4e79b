//! What the bundled third-party provider knows: accounts, sign-ins under way, grants, notes.

use std::collections::{BTreeMap, VecDeque};

use stagedoor_protocol::jwt::Es256Key;
use stagedoor_protocol::oauth::CodeChallenge;
use stagedoor_protocol::secret::{AccessToken, AuthorizationCode, CodeVerifier, RefreshToken};
use stagedoor_protocol::time::UnixMillis;
use url::Url;

use super::journal::FlowId;
use super::people::People;
use crate::entropy;

/// The life of a code, in seconds.
const CODE_LIFE_S: i64 = 60;
/// The life of an access token, in seconds.
pub(crate) const LIFE_S: i64 = 3_600;
/// How much of each kind is remembered.
const MAX: usize = 200;

/// An account at the provider. It is no Zoom account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) subject: &'static str,
    pub(crate) name: &'static str,
    pub(crate) email: &'static str,
}

impl Account {
    /// Every account.
    pub(crate) const ALL: &'static [Self] = &[
        Self { subject: "acme-1815", name: "Ada Lovelace", email: "ada@acme.example" },
        Self { subject: "acme-1906", name: "Grace Hopper", email: "grace@acme.example" },
        Self { subject: "acme-1912", name: "Alan Turing", email: "alan@acme.example" },
    ];

    pub(crate) fn find(subject: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|account| account.is(subject))
    }

    pub(crate) fn is(&self, subject: &str) -> bool {
        self.subject == subject
    }

    /// The account of whoever sits at the client.
    pub(crate) fn of_seat(people: &People) -> &'static Self {
        let name = &people.seated().name;
        Self::ALL.iter().find(|account| account.name == *name).unwrap_or(&Self::ALL[0])
    }
}

/// A checked authorization request.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) redirect_uri: Url,
    pub(crate) state: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) flow: FlowId,
}

struct Code {
    value: AuthorizationCode,
    ask: Ask,
    account: &'static Account,
    expires: UnixMillis,
    /// The grant that came of it, once it is used.
    grant: Option<u64>,
    used: bool,
}

struct Grant {
    id: u64,
    account: &'static Account,
    scopes: Vec<String>,
    access: AccessToken,
    expires: UnixMillis,
    refresh: RefreshToken,
    /// Refresh tokens that were used; using one again ends the grant (RFC 9700 section 4.14.2).
    used: VecDeque<RefreshToken>,
}

/// Fresh tokens.
pub(crate) struct Given {
    pub(crate) access: AccessToken,
    pub(crate) refresh: RefreshToken,
    pub(crate) scopes: Vec<String>,
    pub(crate) account: &'static Account,
    pub(crate) nonce: Option<String>,
    /// Whether it comes of a code, and not of a refresh.
    pub(crate) is_new: bool,
}

/// The provider's memory.
pub(crate) struct Provider {
    pub(crate) key: Es256Key,
    waiting: VecDeque<(String, Ask)>,
    codes: VecDeque<Code>,
    grants: VecDeque<Grant>,
    last: u64,
    notes: BTreeMap<&'static str, VecDeque<String>>,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            key: entropy::es256_key(),
            waiting: VecDeque::new(),
            codes: VecDeque::new(),
            grants: VecDeque::new(),
            last: 0,
            notes: BTreeMap::new(),
        }
    }
}

type Why = (&'static str, &'static str);

impl Provider {
    /// Lets a request wait for the user's decision; returns the name under which the page answers it.
    pub(crate) fn wait(&mut self, ask: Ask) -> String {
        let name = entropy::base64url(32);
        push(&mut self.waiting, (name.clone(), ask));
        name
    }

    /// Takes a waiting request: it is decided once.
    pub(crate) fn take(&mut self, name: &str) -> Option<Ask> {
        let place = self.waiting.iter().position(|(known, _)| known == name)?;
        self.waiting.remove(place).map(|(_, ask)| ask)
    }

    /// Gives out a code.
    pub(crate) fn issue(&mut self, ask: &Ask, account: &'static Account, length: usize, now: UnixMillis) -> String {
        let value = entropy::base64url(length);
        push(
            &mut self.codes,
            Code {
                value: AuthorizationCode::new(value.clone()),
                ask: ask.clone(),
                account,
                expires: now.plus_seconds(CODE_LIFE_S),
                grant: None,
                used: false,
            },
        );
        value
    }

    /// What a code was given out for.
    pub(crate) fn ask_of(&self, code: &str) -> Option<&Ask> {
        let code = AuthorizationCode::new(code);
        self.codes.iter().find(|known| known.value == code).map(|known| &known.ask)
    }

    /// Exchanges a code. One that comes twice ends what came of it (RFC 6749 section 4.1.2).
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        (redirect_uri, verifier): (&str, &str),
        now: UnixMillis,
    ) -> Result<Given, Why> {
        let code = AuthorizationCode::new(code);
        let unknown = ("Acme does not know this code.", "Send the code of the redirect unchanged.");
        let known = self.codes.iter_mut().find(|known| known.value == code).ok_or(unknown)?;
        if std::mem::replace(&mut known.used, true) {
            let grant = known.grant;
            self.grants.retain(|live| Some(live.id) != grant);
            return Err(("This code was used already, which ends what came of it.", "A code works once."));
        }
        if known.expires <= now {
            return Err(("This code is more than a minute old.", "Exchange it at once, or begin again."));
        }
        if known.ask.redirect_uri.as_str() != redirect_uri {
            return Err(("redirect_uri is not the one of the request.", "Send the same redirect_uri again."));
        }
        let verifier = CodeVerifier::new(verifier);
        if CodeChallenge::s256(&verifier).as_str() != known.ask.challenge {
            return Err(("code_verifier does not fit the challenge.", "Send the verifier of this very attempt."));
        }
        let (account, ask) = (known.account, known.ask.clone());
        self.last += 1;
        known.grant = Some(self.last);
        let (access, refresh) = mint();
        push(
            &mut self.grants,
            Grant {
                id: self.last,
                account,
                scopes: ask.scopes.clone(),
                access: access.clone(),
                expires: now.plus_seconds(LIFE_S),
                refresh: refresh.clone(),
                used: VecDeque::new(),
            },
        );
        Ok(Given { access, refresh, scopes: ask.scopes, account, nonce: ask.nonce, is_new: true })
    }

    /// Rotates a refresh token.
    pub(crate) fn rotate(&mut self, token: &str, now: UnixMillis) -> Option<Given> {
        let token = RefreshToken::new(token);
        self.grants.retain(|grant| !grant.used.contains(&token));
        let grant = self.grants.iter_mut().find(|grant| grant.refresh == token)?;
        let (access, refresh) = mint();
        push(&mut grant.used, std::mem::replace(&mut grant.refresh, refresh.clone()));
        grant.access = access.clone();
        grant.expires = now.plus_seconds(LIFE_S);
        let (scopes, account) = (grant.scopes.clone(), grant.account);
        Some(Given { access, refresh, scopes, account, nonce: None, is_new: false })
    }

    /// Ends the grant of a token.
    pub(crate) fn revoke(&mut self, token: &str) {
        let (access, refresh) = (AccessToken::new(token), RefreshToken::new(token));
        self.grants.retain(|grant| grant.access != access && grant.refresh != refresh);
    }

    /// Whose access token it is, and what it is good for.
    pub(crate) fn owner(&self, token: &str, now: UnixMillis) -> Option<(&'static Account, &[String])> {
        let token = AccessToken::new(token);
        let grant = self.grants.iter().find(|grant| grant.access == token && grant.expires > now)?;
        Some((grant.account, &grant.scopes))
    }

    pub(crate) fn add_note(&mut self, account: &'static Account, text: String) {
        push(self.notes.entry(account.subject).or_default(), text);
    }

    pub(crate) fn notes(&self, account: &Account) -> Vec<&str> {
        self.notes.get(account.subject).into_iter().flatten().map(String::as_str).collect()
    }
}

fn mint() -> (AccessToken, RefreshToken) {
    let access = format!("acme_at_{}", entropy::base64url(40));
    (AccessToken::new(access), RefreshToken::new(format!("acme_rt_{}", entropy::base64url(40))))
}

fn push<T>(memory: &mut VecDeque<T>, item: T) {
    if memory.len() >= MAX {
        memory.pop_front();
    }
    memory.push_back(item);
}
