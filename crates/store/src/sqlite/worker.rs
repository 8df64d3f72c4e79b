//! How a verb reaches a thread that may block, and how its answer comes back.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rusqlite::Connection;
use stagedoor_flows::port::StoreError;
use tokio::sync::{mpsc, oneshot};

use super::database::PATIENCE;
use super::trouble::Trouble;

/// How many verbs may wait for a thread. Those beyond wait with their callers.
const QUEUE: usize = 1024;

/// One or more threads that do what they are told, in a queue.
#[derive(Debug)]
pub(super) struct Worker {
    // Dropped in this order: the queue is closed, then the threads empty it and end.
    orders: mpsc::Sender<Order>,
    _threads: Threads,
}

/// A verb that waits for its thread.
pub(super) struct Order {
    pub(super) job: Box<dyn Job>,
    /// When its caller gives up waiting for another process.
    pub(super) deadline: Instant,
}

/// The work of a verb and the way back to its caller, whatever the type of its answer.
pub(super) trait Job: Send {
    /// Does the work and keeps the answer. May be done again after it was undone.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// Gives the caller the answer, or the reason why there is none.
    fn finish(self: Box<Self>, outcome: Result<(), Trouble>);
}

struct Task<T, F> {
    work: F,
    answer: Option<T>,
    caller: oneshot::Sender<Result<T, Trouble>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.answer = Some((self.work)(connection)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), Trouble>) {
        let Self { answer, caller, .. } = *self;
        // A caller who left gets no answer; the work stays done.
        drop(caller.send(outcome.and_then(|()| answer.ok_or(Trouble::Stopped))));
    }
}

impl Worker {
    /// Starts a thread for each of `bodies`, all named `name`, and makes the queue that they share.
    pub(super) fn start<B>(name: &str, bodies: impl FnOnce(mpsc::Receiver<Order>) -> Vec<B>) -> io::Result<Self>
    where
        B: FnOnce() + Send + 'static,
    {
        let (orders, queue) = mpsc::channel(QUEUE);
        let mut threads = Threads(Vec::new());
        for body in bodies(queue) {
            threads.0.push(thread::Builder::new().name(name.to_owned()).spawn(body)?);
        }
        Ok(Self { orders, _threads: threads })
    }

    /// Has `work` done and waits for the answer.
    pub(super) async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let deadline = Instant::now() + PATIENCE;
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Task { work, answer: None, caller });
        self.orders.send(Order { job, deadline }).await.map_err(|_| Trouble::Stopped)?;
        Ok(answer.await.map_err(|_| Trouble::Stopped)??)
    }
}

/// Waits for its threads when dropped.
#[derive(Debug)]
struct Threads(Vec<JoinHandle<()>>);

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            drop(thread.join());
        }
    }
}

/// Waits for an order and takes those that wait behind it, `limit` in all. `None` when there will be no more.
pub(super) fn next_batch(queue: &mut mpsc::Receiver<Order>, limit: usize) -> Option<Vec<Order>> {
    let mut batch = vec![queue.blocking_recv()?];
    while batch.len() < limit
        && let Ok(order) = queue.try_recv()
    {
        batch.push(order);
    }
    Some(batch)
}
