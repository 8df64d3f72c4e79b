//! The users' meetings.

use std::collections::{BTreeMap, VecDeque};

use stagedoor_protocol::time::UnixMillis;

use crate::entropy;

/// A scheduled meeting.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    pub(crate) id: u64,
    /// 16 bytes in standard base64, so it may begin with a slash.
    pub(crate) uuid: String,
    pub(crate) topic: String,
    pub(crate) agenda: String,
    pub(crate) start: UnixMillis,
    pub(crate) minutes: u32,
    pub(crate) created: UnixMillis,
}

/// What a new meeting is about.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) topic: String,
    pub(crate) agenda: String,
    pub(crate) start: UnixMillis,
    pub(crate) minutes: u32,
}

/// A part of a list.
pub(crate) struct Page {
    pub(crate) meetings: Vec<Meeting>,
    pub(crate) total: usize,
    /// Brings the next part; none at the end.
    pub(crate) next: Option<String>,
}

/// How many meetings of one user are kept; the oldest go.
const MAX_MEETINGS: usize = 300;
/// How many tokens for next pages are remembered.
const MAX_PAGES: usize = 200;
/// How long such a token lives, in seconds.
const PAGE_LIFE_S: i64 = 900;

/// What everybody has in the calendar at first: topic, and hours from now.
const SEEDS: [(&str, i64); 3] = [("Standup", 1), ("Design review", 26), ("All hands", 50)];

/// The meetings of everybody who was asked for, and the pages that were begun.
#[derive(Default)]
pub(crate) struct Meetings {
    of: BTreeMap<String, VecDeque<Meeting>>,
    pages: VecDeque<NextPage>,
}

struct NextPage {
    token: String,
    user: String,
    from: usize,
    expires: UnixMillis,
}

impl Meetings {
    /// Schedules a meeting.
    pub(crate) fn schedule(&mut self, host: &str, plan: Plan, now: UnixMillis) -> Meeting {
        let Plan { topic, agenda, start, minutes } = plan;
        let id = 80_000_000_000 + u64::from(entropy::below(u32::MAX));
        let meeting = Meeting { id, uuid: entropy::uuid(), topic, agenda, start, minutes, created: now };
        let of = self.calendar(host, now);
        if of.len() >= MAX_MEETINGS {
            of.pop_front();
        }
        of.push_back(meeting.clone());
        meeting
    }

    /// A meeting by its number or its UUID, if it is this host's.
    pub(crate) fn find(&mut self, host: &str, name: &str, now: UnixMillis) -> Option<Meeting> {
        let number = name.parse::<u64>().ok();
        let is_it = |meeting: &&Meeting| number == Some(meeting.id) || meeting.uuid == name;
        self.calendar(host, now).iter().find(is_it).cloned()
    }

    /// A part of a user's list: from the beginning, or from where a token says; none if that token is not good.
    pub(crate) fn page(&mut self, user: &str, size: usize, token: Option<&str>, now: UnixMillis) -> Option<Page> {
        let from = match token {
            None => 0,
            Some(token) => {
                let is_it = |page: &&NextPage| page.token == token && page.user == user && page.expires > now;
                self.pages.iter().find(is_it)?.from
            }
        };
        let all = self.calendar(user, now);
        let meetings: Vec<_> = all.iter().skip(from).take(size).cloned().collect();
        let (total, end) = (all.len(), from + meetings.len());
        let next = (end < total).then(|| self.turn(user, end, now));
        Some(Page { meetings, total, next })
    }

    fn turn(&mut self, user: &str, from: usize, now: UnixMillis) -> String {
        if self.pages.len() >= MAX_PAGES {
            self.pages.pop_front();
        }
        let token = entropy::base64url(32);
        let expires = now.plus_seconds(PAGE_LIFE_S);
        self.pages.push_back(NextPage { token: token.clone(), user: user.into(), from, expires });
        token
    }

    fn calendar(&mut self, user: &str, now: UnixMillis) -> &mut VecDeque<Meeting> {
        const HOUR_MS: i64 = 3_600_000;
        let hour = UnixMillis(now.0.div_euclid(HOUR_MS) * HOUR_MS);
        self.of.entry(user.to_owned()).or_insert_with(|| {
            let seed = |(number, (topic, hours)): (u64, (&str, i64))| Meeting {
                id: 80_000_000_000 + number,
                uuid: entropy::uuid(),
                topic: topic.into(),
                agenda: String::new(),
                start: hour.plus_millis(hours * HOUR_MS),
                minutes: 30,
                created: hour,
            };
            (1..).zip(SEEDS).map(seed).collect()
        })
    }
}
