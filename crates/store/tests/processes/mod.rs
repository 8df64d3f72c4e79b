//! One store between processes that share it, and between a process and its successor after a crash.
//!
//! A child is the test program itself, told by the environment to play a part: the program has a test `child` that
//! calls [`play`].

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use tokio::time::sleep;

pub(crate) const NOW: UnixMillis = UnixMillis(0);
const PART: &str = "STAGEDOOR_TEST_PART";
const STORE: &str = "STAGEDOOR_TEST_STORE";
const COUNTER: &str = "STAGEDOOR_TEST_COUNTER";

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

/// A child that plays `part` on the store at `address`.
pub(crate) fn command(child: &str, part: &str, address: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", child, "--ignored", "--nocapture"]).env(PART, part).env(STORE, address);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The part that this process is to play, and the address of the store.
pub(crate) fn part() -> (String, String) {
    // Ends the line that the test harness may have begun.
    println!();
    (env::var(PART).expect("a part"), env::var(STORE).expect("a store"))
}

/// Plays one of the parts that every store has.
pub(crate) async fn play(part: &str, store: Arc<dyn Store>) {
    match part {
        "share" => share(&store, &env::var(COUNTER).expect("a file")).await,
        "write" => write(&store).await,
        part => panic!("no such part: {part}"),
    }
}

pub(crate) fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("a pipe")).lines()
}

/// What a child says about `what`: the numbers behind that word.
pub(crate) fn said(line: &str, what: &str) -> Option<u64> {
    line.strip_prefix(what)?.trim().parse().ok()
}

const TOKENS: u64 = 200;
const STEPS: u64 = 40;
const LEASES: u64 = 25;
const CHILDREN: usize = 4;

/// Takes tokens, counts with a record, and counts with a file that only a lease protects.
async fn share(store: &Arc<dyn Store>, counter: &str) {
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

/// Several processes take tokens, count, and hold a lease; nothing happens twice or is lost.
pub(crate) async fn keep_the_contract(child: &str, address: &str, store: &dyn Store) {
    let directory = tempfile::tempdir().expect("a directory");
    let counter = directory.path().join("counter");
    fs::write(&counter, "0").expect("a file");
    insert(store, place("counter", 0), 0).await;
    for token in 0..TOKENS {
        insert(store, place("tokens", token), token).await;
    }

    let mut children =
        [(); CHILDREN].map(|()| command(child, "share", address).env(COUNTER, &counter).spawn().expect("a child"));
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
    let total = store.get(place("counter", 0), NOW).await.expect("get").expect("the counter");
    assert_eq!(number(&total.draft.sealed), STEPS * CHILDREN as u64, "no replacement was lost");
    let leased = fs::read_to_string(counter).expect("the file");
    assert_eq!(leased, (LEASES * CHILDREN as u64).to_string(), "a lease had one holder");
    assert_eq!(fences.iter().collect::<BTreeSet<_>>().len(), fences.len(), "no fence came twice");
}

/// Writes until it is killed, and says what the store has acknowledged: `wrote` and `took` after it was done,
/// `takes` before it is tried, `counted` for a record that is replaced again and again.
async fn write(store: &Arc<dyn Store>) {
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
}

/// What must be in the store, as far as a child came to say it.
#[derive(Default)]
struct Acknowledged {
    /// Whether a record is there, must be gone, or may be either.
    records: BTreeMap<u64, Option<bool>>,
    counted: u64,
}

impl Acknowledged {
    fn hear(&mut self, line: &str) {
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

    /// Compares with what is there, from which the next child goes on.
    async fn check(&mut self, store: &dyn Store) -> Version {
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
        self.counted = found;
        counter.version
    }
}

/// A number that is different each time, below `limit`.
pub(crate) fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(0) % limit
}

/// A process is killed again and again while it writes; whatever it was told is done is there for the next.
pub(crate) async fn survive_kill_9<F: Future<Output = Arc<dyn Store>>>(
    child: &str,
    address: &str,
    open: impl Fn() -> F,
) {
    insert(&*open().await, place("counter", 0), 0).await;
    let mut version = Version(0);
    let mut acknowledged = Acknowledged::default();
    for _ in 0..25 {
        let mut child = command(child, "write", address).spawn().expect("a child");
        let mut lines = lines(&mut child).map_while(Result::ok);
        // The time to live begins with the first acknowledgement, so that a slow machine does not test nothing.
        for line in lines.by_ref() {
            acknowledged.hear(&line);
            if said(&line, "wrote").is_some() {
                break;
            }
        }
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(random(100)));
            child.kill().expect("a living child");
            child.wait().expect("an end")
        });
        lines.for_each(|line| acknowledged.hear(&line));
        assert!(!killer.join().expect("the end of the child").success());

        let store = open().await;
        let now = acknowledged.check(&*store).await;
        assert!(now >= version, "a version came twice");
        version = now;
        store.ready().await.expect("ready");
    }
    assert!(acknowledged.records.len() > 100, "only {} writes were tried", acknowledged.records.len());
}
