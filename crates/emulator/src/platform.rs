use std::sync::{Mutex, MutexGuard, PoisonError};

use stagedoor_protocol::context::ContextKey;
use stagedoor_protocol::time::UnixMillis;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::server::Addresses;
use crate::webhook::Post;
use crate::world::World;
use crate::world::event::Events;
use crate::zoom::policy::PagePolicy;

/// The emulated platform: the one state behind all endpoints.
pub(crate) struct Platform {
    pub(crate) config: Config,
    pub(crate) addresses: Addresses,
    pub(crate) clock: Clock,
    pub(crate) context_key: ContextKey,
    pub(crate) page_policy: PagePolicy,
    pub(crate) events: Events,
    pub(crate) post: Post,
    /// Cancelled when the emulator stops, so that hanging answers and event streams end.
    pub(crate) stopping: CancellationToken,
    world: Mutex<World>,
}

impl Platform {
    pub(crate) fn new(config: Config, addresses: Addresses) -> Self {
        let (events, clock) = (Events::new(), Clock::default());
        let world = World::new(&config, events.clone(), clock.now());
        Self {
            context_key: ContextKey::new(&config.client_secret),
            page_policy: PagePolicy::new(&config, &addresses),
            clock,
            post: Post::new(),
            stopping: CancellationToken::new(),
            world: Mutex::new(world),
            config,
            addresses,
            events,
        }
    }

    /// The state. Locks are short: nothing waits while it holds one.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, by the emulator's clock.
    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }
}
