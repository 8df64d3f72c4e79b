//! What processes that share a store do, and how the test that started them finds out whether all went well.
//!
//! A child is the test program itself, told by the environment which part to play on which store.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use tokio::time::sleep;

pub(crate) const NOW: UnixMillis = UnixMillis(0);
pub(crate) const PART: &str = "STAGEDOOR_TEST_PART";
pub(crate) const ADDRESS: &str = "STAGEDOOR_TEST_ADDRESS";

pub(crate) fn place(shelf: &'static str, number: u64) -> Place {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Place { shelf: Shelf(shelf), key: Key(key) }
}

pub(crate) fn draft(place: Place, number: u64) -> Draft {
    Draft { place, owner: None, sealed: number.to_be_bytes().repeat(50), expires: None }
}

fn number(sealed: &[u8]) -> u64 {
    u64::from_be_bytes(sealed[..8].try_into().expect("eight bytes"))
}

pub(crate) async fn insert(store: &dyn Store, place: Place, number: u64) {
    assert!(matches!(store.insert(draft(place, number), NOW).await.expect("insert"), Write::Done(_)));
}

/// A child that plays `part` on the store at `address`; `test` is the name of the test that does it.
pub(crate) fn command(test: &str, part: &str, address: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(PART, part).env(ADDRESS, address);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

pub(crate) fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("a pipe")).lines()
}

/// What a child says about `what`: the number behind that word.
pub(crate) fn said(line: &str, what: &str) -> Option<u64> {
    line.strip_prefix(what)?.trim().parse().ok()
}

/// A number that is different each time, below `limit`.
pub(crate) fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(0) % limit
}

const TOKENS: u64 = 200;
const STEPS: u64 = 40;
const LEASES: u64 = 25;
const CHILDREN: usize = 4;

/// The part `share`: takes tokens, counts with a record, and counts with a file that only a lease protects.
pub(crate) async fn share(store: &Arc<dyn Store>, counter: &Path) {
    let takers: Vec<_> = (0..4)
        .map(|taker| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for token in (0..TOKENS).filter(|token| token % 4 == taker) {
                    if store.take(place("tokens", token), NOW).await.expect("take").is_some() {
                        println!("took {token}");
                    }
                }
            })
        })
        .collect();
    let mut steps = 0;
    while steps < STEPS {
        let read = store.get(place("counter", 0), NOW).await.expect("get").expect("the counter");
        let next = draft(place("counter", 0), number(&read.draft.sealed) + 1);
        if store.replace(next, read.version, NOW).await.expect("replace") != Write::Refused {
            steps += 1;
        }
    }
    let mut held = 0;
    while held < LEASES {
        let Some(lease) = store.lease(place("lease", 0), NOW, UnixMillis(1)).await.expect("lease") else {
            sleep(Duration::from_millis(1)).await;
            continue;
        };
        println!("fence {}", lease.fence);
        let count: u64 = fs::read_to_string(counter).expect("the file").parse().expect("a number");
        thread::yield_now();
        fs::write(counter, (count + 1).to_string()).expect("the file");
        store.release(lease).await.expect("release");
        held += 1;
    }
    for taker in takers {
        taker.await.expect("a taker");
    }
}

/// Starts children that [`share`] `store` and the file `counter`, and checks that each step was done once.
pub(crate) async fn share_between_processes(store: &dyn Store, counter: &Path, child: impl Fn() -> Command) {
    fs::write(counter, "0").expect("the file");
    insert(store, place("counter", 0), 0).await;
    for token in 0..TOKENS {
        insert(store, place("tokens", token), token).await;
    }

    let mut children = [(); CHILDREN].map(|()| child().spawn().expect("a child"));
    let (mut took, mut fences) = (Vec::new(), Vec::new());
    for child in &mut children {
        for line in lines(child).map(|line| line.expect("a line")) {
            took.extend(said(&line, "took"));
            fences.extend(said(&line, "fence"));
        }
        assert!(child.wait().expect("an end").success());
    }

    took.sort_unstable();
    assert_eq!(took, (0..TOKENS).collect::<Vec<_>>(), "each token was taken once");
    let last = store.get(place("counter", 0), NOW).await.expect("get").expect("the counter");
    assert_eq!(number(&last.draft.sealed), STEPS * CHILDREN as u64, "no replacement was lost");
    let leased = fs::read_to_string(counter).expect("the file");
    assert_eq!(leased, (LEASES * CHILDREN as u64).to_string(), "a lease had one holder");
    assert_eq!(fences.iter().collect::<BTreeSet<_>>().len(), fences.len(), "no fence came twice");
}

/// The part `write`: writes until it is killed or the store fails, and says what the store has acknowledged: `wrote`
/// and `took` after it was done, `takes` before it is tried, `counted` for a record that is replaced again and again.
pub(crate) async fn write(store: &Arc<dyn Store>) {
    let process = std::process::id();
    let writers = (0..4_u64).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for count in 0.. {
                let number = (u64::from(process) << 32) | (writer << 28) | count;
                insert(&*store, place("crash", number), number).await;
                println!("wrote {number}");
                if count % 3 == 0 {
                    println!("takes {number}");
                    assert!(store.take(place("crash", number), NOW).await.expect("take").is_some());
                    println!("took {number}");
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut counter = store.get(place("counter", 0), NOW).await.expect("get").expect("the counter");
    while writers.iter().all(|writer| !writer.is_finished()) {
        let next = number(&counter.draft.sealed) + 1;
        counter.draft = draft(counter.draft.place, next);
        match store.replace(counter.draft.clone(), counter.version, NOW).await.expect("replace") {
            Write::Done(version) => counter.version = version,
            Write::Refused => panic!("somebody else counts"),
        }
        println!("counted {next}");
    }
    panic!("a writer has ended");
}

/// What must be in the store, as far as a child came to say it.
#[derive(Default)]
pub(crate) struct Acknowledged {
    /// Whether a record is there, must be gone, or may be either.
    records: BTreeMap<u64, Option<bool>>,
    counted: u64,
    /// The version of the counter that was found last.
    version: Option<Version>,
}

impl Acknowledged {
    /// How many writes were tried.
    pub(crate) fn tried(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn hear(&mut self, line: &str) {
        if let Some(number) = said(line, "wrote") {
            self.records.insert(number, Some(true));
        } else if let Some(number) = said(line, "takes") {
            self.records.insert(number, None);
        } else if let Some(number) = said(line, "took") {
            self.records.insert(number, Some(false));
        } else if let Some(number) = said(line, "counted") {
            self.counted = number;
        }
    }

    /// Hears `child` until it has acknowledged some writes, and goes on until it has ended. `end` makes it end, after
    /// some random milliseconds, in a thread of its own.
    pub(crate) fn hear_until_its_end(&mut self, child: &mut Child, end: impl FnOnce(&mut Child) + Send) {
        let mut lines = lines(child).map_while(Result::ok);
        // A number of them and not a time to live, so that a slow machine does not test nothing.
        let mut wanted = 5 + random(20);
        for line in lines.by_ref() {
            self.hear(&line);
            wanted -= u64::from(said(&line, "wrote").is_some());
            if wanted == 0 {
                break;
            }
        }
        thread::scope(|scope| {
            let killer = scope.spawn(|| {
                thread::sleep(Duration::from_millis(random(30)));
                end(child);
                child.wait().expect("an end")
            });
            lines.for_each(|line| self.hear(&line));
            assert!(!killer.join().expect("a killer").success());
        });
    }

    /// Compares with what is there, from which the next child goes on.
    pub(crate) async fn check(&mut self, store: &dyn Store) {
        for (number, expected) in &self.records {
            let read = store.get(place("crash", *number), NOW).await.expect("get");
            if let Some(expected) = expected {
                assert_eq!(read.is_some(), *expected, "an acknowledged write was lost");
            }
            assert!(read.is_none_or(|read| read.draft == draft(read.draft.place, *number)), "a write half-happened");
        }
        let counter = store.get(place("counter", 0), NOW).await.expect("get").expect("the counter");
        let found = number(&counter.draft.sealed);
        assert!(found == self.counted || found == self.counted + 1, "{found} of {} was kept", self.counted);
        assert!(self.version.is_none_or(|version| counter.version >= version), "a version came twice");
        (self.counted, self.version) = (found, Some(counter.version));
        store.ready().await.expect("a store that can be written");
    }
}
