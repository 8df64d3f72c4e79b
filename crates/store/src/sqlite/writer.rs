//! The thread that writes: all that waits goes into one transaction, and answers follow its commit.

use std::io;
use std::thread;

use rusqlite::{Transaction, TransactionBehavior};

use super::database::{Database, RETRY};
use super::trouble::{Trouble, is_busy};
use super::worker::{Order, Worker, give_up_overdue, next_batch};

/// How many verbs one transaction holds.
const BATCH: usize = 1024;

pub(super) fn start(database: Database) -> io::Result<Worker> {
    Worker::start("sqlite-writer", |mut queue| {
        vec![move || {
            while let Some(batch) = next_batch(&mut queue, BATCH) {
                process(&database, batch);
            }
        }]
    })
}

/// Does all of `batch`, in one transaction if possible. If that fails for one, each gets a transaction of its own.
fn process(database: &Database, mut batch: Vec<Order>) {
    let outcome = transact(database, &mut batch);
    if batch.len() > 1 && matches!(outcome, Err(Trouble::Sqlite(_))) {
        for order in batch {
            process(database, vec![order]);
        }
    } else {
        for order in batch {
            order.job.finish(outcome.clone());
        }
    }
}

fn transact(database: &Database, batch: &mut Vec<Order>) -> Result<(), Trouble> {
    database.in_place()?;
    // Rolls back when it is dropped before the commit, also after a commit that failed.
    let transaction = begin(database, batch)?;
    for order in batch {
        order.job.run(&transaction)?;
    }
    transaction.commit()?;
    // Once more, since the commit may have gone to a file that was just removed.
    database.in_place()
}

/// Begins a transaction as soon as no other process writes. An order whose deadline passes meanwhile is answered and
/// leaves the batch.
fn begin<'c>(database: &'c Database, batch: &mut Vec<Order>) -> Result<Transaction<'c>, Trouble> {
    loop {
        match Transaction::new_unchecked(&database.connection, TransactionBehavior::Immediate) {
            Err(error) if is_busy(&error) => {
                give_up_overdue(batch, &Trouble::Busy);
                if batch.is_empty() {
                    return Err(Trouble::Busy);
                }
                thread::sleep(RETRY);
            }
            begun => return Ok(begun?),
        }
    }
}
