//! How a verb reaches a thread that may block, and how its answer comes back.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use stagedoor_flows::port::StoreError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::database::PATIENCE;
use super::trouble::Trouble;

/// How many verbs may wait for a thread. Those beyond wait with their callers.
const QUEUE: usize = 1024;

/// How much longer than its order's deadline a caller waits: the thread, where it can, says why it failed.
const GRACE: Duration = Duration::from_millis(500);

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
    /// When its caller gives up.
    pub(super) deadline: Instant,
}

impl Order {
    fn is_overdue(&self) -> bool {
        self.deadline <= Instant::now()
    }
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

    /// Has `work` done and waits for the answer, as long as a verb may take: a disk that does not answer holds the
    /// thread, not its callers. What the disk was given by then may still be done.
    pub(super) async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let deadline = Instant::now() + PATIENCE;
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Task { work, answer: None, caller });
        let done = async {
            self.orders.send(Order { job, deadline }).await.map_err(|_| Trouble::Stopped)?;
            answer.await.map_err(|_| Trouble::Stopped)?
        };
        Ok(timeout(PATIENCE + GRACE, done).await.unwrap_or(Err(Trouble::Slow))?)
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

/// Answers the orders whose callers give up now with `trouble`, and takes them out of `batch`.
pub(super) fn give_up_overdue(batch: &mut Vec<Order>, trouble: &Trouble) {
    for overdue in batch.extract_if(.., |order| order.is_overdue()) {
        overdue.job.finish(Err(trouble.clone()));
    }
}

/// Waits for an order and takes those that wait behind it, `limit` in all. `None` when there will be no more.
///
/// Those that have waited for too long are left out: nobody reckons with what they would do.
pub(super) fn next_batch(queue: &mut mpsc::Receiver<Order>, limit: usize) -> Option<Vec<Order>> {
    let mut batch = Vec::new();
    while batch.is_empty() {
        batch.push(queue.blocking_recv()?);
        while batch.len() < limit
            && let Ok(order) = queue.try_recv()
        {
            batch.push(order);
        }
        give_up_overdue(&mut batch, &Trouble::Slow);
    }
    Some(batch)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc as blocking};

    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_thread_that_a_disk_holds_is_answered_and_the_work_left_undone() {
        let (release, held) = blocking::channel::<()>();
        let done = Arc::new(Mutex::new(Vec::new()));
        let worker = Worker::start("held", |mut queue| {
            vec![move || {
                held.recv().expect("released");
                let connection = Connection::open_in_memory().expect("a connection");
                while let Some(batch) = next_batch(&mut queue, 10) {
                    for mut order in batch {
                        let outcome = order.job.run(&connection).map_err(Trouble::from);
                        order.job.finish(outcome);
                    }
                }
            }]
        })
        .expect("a thread");
        let note = |what: &'static str| {
            let done = Arc::clone(&done);
            move |_: &Connection| {
                done.lock().expect("not poisoned").push(what);
                Ok(())
            }
        };

        // The thread is held until the caller is answered.
        let error = worker.call(note("late")).await.expect_err("nobody answers");
        assert_eq!(error.0.to_string(), "the disk does not answer in time");

        release.send(()).expect("a thread that waits");
        worker.call(note("in time")).await.expect("an answer");
        assert_eq!(*done.lock().expect("not poisoned"), ["in time"]);
    }
}
