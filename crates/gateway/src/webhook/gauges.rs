use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What is counted of webhooks. Every label is one of a fixed set.
#[derive(Clone)]
pub(crate) struct Gauges(Arc<Inner>);

struct Inner {
    received: Family<Outcome, Counter>,
    deliveries: Family<Outcome, Counter>,
    inbox: Gauge<i64, AtomicI64>,
    oldest: Gauge<i64, AtomicI64>,
    unreadable: Gauge<i64, AtomicI64>,
    streams: Gauge<i64, AtomicI64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Gauges {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let (received, deliveries) = (Family::default(), Family::default());
        let (inbox, oldest, unreadable, streams) =
            (Gauge::default(), Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("webhooks_received", "Webhooks answered", received.clone());
        registry.register("webhook_deliveries", "Attempts to deliver an event", deliveries.clone());
        registry.register("webhook_inbox_events", "Events that wait to be delivered", inbox.clone());
        let help = "Age of the oldest event that is the first of its object";
        registry.register_with_unit("webhook_inbox_oldest", help, Unit::Seconds, oldest.clone());
        registry.register("webhook_inbox_unreadable", "Events that no configured secret opens", unreadable.clone());
        registry.register("event_streams", "Pages that listen for events", streams.clone());
        Self(Arc::new(Inner { received, deliveries, inbox, oldest, unreadable, streams }))
    }

    pub(super) fn received(&self, outcome: &'static str) {
        self.0.received.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn delivered(&self, outcome: &'static str) {
        self.0.deliveries.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn inbox(&self, events: u64) {
        self.0.inbox.set(events.try_into().unwrap_or(i64::MAX));
    }

    pub(super) fn swept(&self, oldest_seconds: i64, unreadable: usize) {
        self.0.oldest.set(oldest_seconds);
        self.0.unreadable.set(unreadable.try_into().unwrap_or(i64::MAX));
    }

    pub(super) fn streams(&self, by: i64) {
        self.0.streams.inc_by(by);
    }
}
