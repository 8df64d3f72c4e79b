//! `/events`: what happens, told to the pages that it concerns, as server-sent events.
//!
//! One poller of the store serves all streams of a process, so replicas need not know of each other.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use stagedoor_flows::session::{Session, Sessions};
use stagedoor_flows::vault::VaultError;
use stagedoor_flows::webhook::{Feed, Heard, Position};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Gauges;
use crate::caller::Caller;
use crate::edge::at_most_one;
use crate::notice::Notice;
use crate::origin::{Origin, cross_site};
use crate::session::required;
use crate::upkeep::Trouble;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many streams there may be, of everybody and of one person.
const STREAMS: (usize, usize) = (1_024, 16);

/// How often the store is asked.
const POLL: Duration = Duration::from_secs(1);

/// How long after its arrival an event may lie down in the store and is still heard, in milliseconds: replicas have
/// clocks of their own.
const OVERLAP_MS: i64 = 10_000;

/// How far back a page may resume, in seconds.
const RESUME_SECONDS: i64 = 3_600;

/// How often a stream looks whether its session still counts, and says that it is alive.
const BEAT: Duration = Duration::from_secs(10);

/// How many events one look reads.
const PAGE: usize = 256;

/// How many events a stream may be behind before it ends; its page then resumes.
const BACKLOG: usize = 1_024;

/// What a browser does when the stream ends, in the first line of it.
const BEGINNING: &str = "retry: 2000\n\n";

/// Every stream of this process.
#[derive(Clone)]
pub(crate) struct Broadcast {
    feed: Feed,
    events: broadcast::Sender<Arc<Heard>>,
}

/// What the route needs.
pub(crate) struct Streams {
    pub(crate) broadcast: Broadcast,
    pub(crate) sessions: Sessions,
    pub(crate) origin: Origin,
    pub(crate) gauges: Gauges,
    pub(crate) places: Places,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

/// How many streams each listener has.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<String, usize>>>);

/// One of them.
struct Place {
    places: Places,
    listener: String,
    gauges: Gauges,
}

/// One stream.
struct Listening {
    broadcast: Broadcast,
    sessions: Sessions,
    session: Session,
    events: broadcast::Receiver<Arc<Heard>>,
    out: mpsc::Sender<Bytes>,
    /// From where on it hears.
    from: Position,
    /// What it has heard from the store, and may hear again from the poller.
    heard: HashSet<Position>,
}

/// The stream is over.
struct Over;

/// Begins a stream.
pub(crate) async fn listen(State(this): State<Arc<Streams>>, headers: HeaderMap) -> Result<Response, Notice> {
    if !this.origin.is_not_foreign(&headers) {
        return Err(cross_site());
    }
    let session = Caller::of(&this.sessions, &headers).ok_or_else(required)?.session;
    let now = this.broadcast.feed.now();
    let last = at_most_one(&headers, &LAST_EVENT_ID).ok().flatten().and_then(|last| last.to_str().ok()?.parse().ok());
    let oldest = Position::at(now.plus_seconds(-RESUME_SECONDS));
    let place = this.places.take(&session, &this.gauges).ok_or_else(full)?;
    let (out, body) = mpsc::channel(16);
    let listening = Listening {
        events: this.broadcast.events.subscribe(),
        broadcast: this.broadcast.clone(),
        sessions: this.sessions.clone(),
        session,
        out,
        from: last.map_or(Position::at(now), |last: Position| last.max(oldest)),
        heard: HashSet::new(),
    };
    let stopping = this.stopping.clone();
    this.tasks.spawn(async move {
        stopping.run_until_cancelled(listening.run(last.is_some())).await;
        drop(place);
    });
    let chunks =
        stream::unfold(body, |mut body| async { body.recv().await.map(|chunk| (Ok::<_, Infallible>(chunk), body)) });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A proxy that collects answers would hold events back.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

impl Listening {
    async fn run(mut self, resumes: bool) {
        let Err(Over) = self.follow(resumes).await;
    }

    async fn follow(&mut self, resumes: bool) -> Result<Infallible, Over> {
        self.say(BEGINNING.into()).await?;
        if resumes {
            self.catch_up().await?;
        }
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // One that is too far behind ends, and its page resumes where it was.
                heard = self.events.recv() => self.hear(&*heard.map_err(|_| Over)?).await?,
                _ = beat.tick() => self.say(": \n\n".into()).await?,
                () = self.out.closed() => return Err(Over),
            }
        }
    }

    /// Reads from the store what the page has missed.
    async fn catch_up(&mut self) -> Result<(), Over> {
        let mut position = self.from;
        loop {
            let page = self.broadcast.feed.behind(position, PAGE).await.map_err(|_| Over)?;
            let Some(last) = page.last() else { return Ok(()) };
            position = last.position;
            for heard in &page {
                self.hear(heard).await?;
            }
            self.heard.extend(page.iter().map(|heard| heard.position));
            let recent = self.broadcast.feed.now().plus_millis(-2 * OVERLAP_MS);
            self.heard.retain(|position| position.instant() >= recent);
        }
    }

    async fn hear(&mut self, heard: &Heard) -> Result<(), Over> {
        let is_new = heard.position > self.from && !self.heard.contains(&heard.position);
        match heard.to(&self.session).filter(|_| is_new) {
            Some(data) => self.say(format!("id: {}\ndata: {data}\n\n", heard.position)).await,
            None => Ok(()),
        }
    }

    /// A session that has ended hears nothing more.
    async fn say(&mut self, text: String) -> Result<(), Over> {
        if !self.sessions.is_live(&self.session) {
            return Err(Over);
        }
        self.out.send(text.into()).await.map_err(|_| Over)
    }
}

impl Broadcast {
    pub(crate) fn new(feed: Feed) -> Self {
        Self { feed, events: broadcast::Sender::new(BACKLOG) }
    }

    /// Asks the store now and then, while anybody listens.
    pub(crate) async fn run(self) {
        let mut trouble = Trouble::new("events for pages cannot be read");
        let mut told = HashSet::new();
        loop {
            sleep(POLL).await;
            if self.events.receiver_count() == 0 {
                told.clear();
                continue;
            }
            let polled = self.poll(&mut told).await;
            trouble.note(polled.as_ref().err());
        }
    }

    async fn poll(&self, told: &mut HashSet<Position>) -> Result<(), VaultError> {
        let mut position = Position::at(self.feed.now().plus_millis(-OVERLAP_MS));
        told.retain(|known| *known > position);
        loop {
            let page = self.feed.behind(position, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            position = last.position;
            for heard in page {
                if told.insert(heard.position) {
                    // Nobody may be left to hear it.
                    let _ = self.events.send(Arc::new(heard));
                }
            }
        }
    }
}

impl Places {
    fn take(&self, session: &Session, gauges: &Gauges) -> Option<Place> {
        let listener = session.user.as_ref().map_or_else(|| session.id.expose(), |user| user.as_str()).to_owned();
        let mut places = self.lock();
        if places.values().sum::<usize>() >= STREAMS.0 || places.get(&listener).is_some_and(|own| *own >= STREAMS.1) {
            return None;
        }
        *places.entry(listener.clone()).or_default() += 1;
        gauges.streams(1);
        Some(Place { places: self.clone(), listener, gauges: gauges.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if let Some(own) = places.get_mut(&self.listener) {
            *own -= 1;
            if *own == 0 {
                places.remove(&self.listener);
            }
        }
        self.gauges.streams(-1);
    }
}

fn full() -> Notice {
    let sentence = "There are too many listeners for events.";
    Notice::problem(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", sentence, "Close other windows of this app.")
}
