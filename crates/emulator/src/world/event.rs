use serde::Serialize;
use tokio::sync::broadcast;

/// One server-sent event: its name and its data as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn new(name: &'static str, data: &impl Serialize) -> Self {
        Self { name, data: serde_json::to_string(data).expect("what the emulator tells has string keys") }
    }
}

/// Where events are told to whoever watches.
#[derive(Clone)]
pub(crate) struct Events(broadcast::Sender<Event>);

/// How many events a slow watcher may lag behind before it has to begin again.
const BACKLOG: usize = 512;

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }

    /// Tells an event, if anybody watches.
    pub(crate) fn tell(&self, name: &'static str, data: &impl Serialize) {
        if !self.is_watched() {
            return;
        }
        // Fails only when the last watcher has just gone.
        let _ = self.0.send(Event::new(name, data));
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}
