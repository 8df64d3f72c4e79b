//! The threads that read, each with its own connection.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Database;
use super::trouble::Trouble;
use super::worker::{Order, Worker, next_batch};

/// How many verbs one transaction holds: enough to share the cost of its locks, few enough to keep all threads busy.
const BATCH: usize = 16;

pub(super) fn start(databases: Vec<Database>) -> io::Result<Worker> {
    Worker::start("sqlite-reader", |queue| {
        let queue = Arc::new(Mutex::new(queue));
        let serve = |database: Database| {
            let queue = Arc::clone(&queue);
            move || {
                loop {
                    let batch = next_batch(&mut queue.lock().unwrap_or_else(PoisonError::into_inner), BATCH);
                    let Some(batch) = batch else { return };
                    process(&database, batch);
                }
            }
        };
        databases.into_iter().map(serve).collect()
    })
}

/// Answers all of `batch` from one state of the database, which is not older than any of its orders.
fn process(database: &Database, batch: Vec<Order>) {
    let begun = database.in_place().and_then(|()| Ok(database.connection.unchecked_transaction()?));
    for mut order in batch {
        let outcome = match &begun {
            Ok(transaction) => order.job.run(transaction).map_err(Trouble::from),
            Err(trouble) => Err(trouble.clone()),
        };
        order.job.finish(outcome);
    }
}
