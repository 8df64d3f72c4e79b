//! The SQLite store between processes that share a file, and between a process and its successor after a crash.
//!
//! A child is this test program itself, told by the environment to play a part in [`child`].
#![cfg(all(feature = "sqlite", unix))]
#![expect(clippy::print_stdout, reason = "a child reports to its parent")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stagedoor_flows::port::{Draft, Key, Place, Shelf, Store as _, Version, Write};
use stagedoor_protocol::time::UnixMillis;
use stagedoor_store::Sqlite;
use tokio::time::sleep;

const NOW: UnixMillis = UnixMillis(0);
const PART: &str = "STAGEDOOR_TEST_PART";
const DATABASE: &str = "STAGEDOOR_TEST_DATABASE";

fn place(shelf: &'static str, number: u64) -> Place {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Place { shelf: Shelf(shelf), key: Key(key) }
}

fn draft(place: Place, number: u64) -> Draft {
    Draft { place, owner: None, sealed: number.to_be_bytes().repeat(50), expires: None }
}

fn number(sealed: &[u8]) -> u64 {
    u64::from_be_bytes(sealed[..8].try_into().expect("eight bytes"))
}

async fn insert(store: &Sqlite, place: Place, number: u64) {
    assert!(matches!(store.insert(draft(place, number), NOW).await.expect("insert"), Write::Done(_)));
}

/// A child that plays `part` on `database`.
fn command(part: &str, database: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--ignored", "--nocapture"]).env(PART, part).env(DATABASE, database);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("a pipe")).lines()
}

/// What a child says about `what`: the numbers behind that word.
fn said(line: &str, what: &str) -> Option<u64> {
    line.strip_prefix(what)?.trim().parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays the parts of the other tests"]
async fn child() {
    // Ends the line that the test harness may have begun.
    println!();
    let database = PathBuf::from(env::var_os(DATABASE).expect("a database"));
    let store = Arc::new(Sqlite::open(&database).expect("an open database"));
    match env::var(PART).expect("a part").as_str() {
        "share" => share(&store, &database.with_extension("counter")).await,
        "write" => write(&store).await,
        "ask" => ask(&store).await,
        part => panic!("no such part: {part}"),
    }
}

const TOKENS: u64 = 200;
const STEPS: u64 = 40;
const LEASES: u64 = 25;
const CHILDREN: usize = 4;

/// Takes tokens, counts with a record, and counts with a file that only a lease protects.
async fn share(store: &Arc<Sqlite>, counter: &Path) {
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

#[tokio::test]
async fn processes_that_share_a_file_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("test.db");
    let store = Sqlite::open(&database).unwrap();
    fs::write(database.with_extension("counter"), "0").unwrap();
    insert(&store, place("counter", 0), 0).await;
    for token in 0..TOKENS {
        insert(&store, place("tokens", token), token).await;
    }

    let mut children = [(); CHILDREN].map(|()| command("share", &database).spawn().unwrap());
    let (mut took, mut fences) = (Vec::new(), Vec::new());
    for child in &mut children {
        for line in lines(child).map(Result::unwrap) {
            took.extend(said(&line, "took"));
            fences.extend(said(&line, "fence"));
        }
        assert!(child.wait().unwrap().success());
    }

    took.sort_unstable();
    assert_eq!(took, (0..TOKENS).collect::<Vec<_>>(), "each token was taken once");
    let counter = store.get(place("counter", 0), NOW).await.unwrap().unwrap();
    assert_eq!(number(&counter.draft.sealed), STEPS * CHILDREN as u64, "no replacement was lost");
    let leased = fs::read_to_string(database.with_extension("counter")).unwrap();
    assert_eq!(leased, (LEASES * CHILDREN as u64).to_string(), "a lease had one holder");
    assert_eq!(fences.iter().collect::<BTreeSet<_>>().len(), fences.len(), "no fence came twice");
}

/// Writes until it is killed, and says what the store has acknowledged: `wrote` and `took` after it was done,
/// `takes` before it is tried, `counted` for a record that is replaced again and again.
async fn write(store: &Arc<Sqlite>) {
    let process = std::process::id();
    let writers = (0..4_u64).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for count in 0.. {
                let number = (u64::from(process) << 32) | (writer << 28) | count;
                insert(&store, place("crash", number), number).await;
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
    async fn check(&mut self, store: &Sqlite) -> Version {
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
fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(0) % limit
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("test.db");
    insert(&Sqlite::open(&database).unwrap(), place("counter", 0), 0).await;
    let mut version = Version(0);
    let mut acknowledged = Acknowledged::default();
    for _ in 0..25 {
        let mut child = command("write", &database).spawn().unwrap();
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
            child.kill().unwrap();
            child.wait().unwrap()
        });
        lines.for_each(|line| acknowledged.hear(&line));
        assert!(!killer.join().unwrap().success());

        let store = Sqlite::open(&database).unwrap();
        let now = acknowledged.check(&store).await;
        assert!(now >= version, "a version came twice");
        version = now;
        store.ready().await.unwrap();
    }
    assert!(acknowledged.records.len() > 100, "only {} writes were tried", acknowledged.records.len());
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_creates_the_database_leaves_nothing_in_the_way() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("test.db");
        let mut child = command("write", &database).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(500 + random(15_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Sqlite::open(&database).unwrap();
        insert(&store, place("after", 0), 0).await;
    }
}

/// Tries to write once for each line that it gets, and says whether it worked.
async fn ask(store: &Arc<Sqlite>) {
    println!("asking");
    for number in 0.. {
        if std::io::stdin().read_line(&mut String::new()).expect("a line") == 0 {
            break;
        }
        let written = store.insert(draft(place("full", number), number), NOW).await;
        let ready = store.ready().await;
        let read = store.get(place("full", 0), NOW).await.expect("a read").is_some();
        println!("answer {}{}{}", u8::from(written.is_ok()), u8::from(ready.is_ok()), u8::from(read));
    }
}

/// The limit on the size of files stands in for a full disk: a write behind it fails.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_writes_until_there_is_room_again() {
    use std::io::Write as _;
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("test.db");
    let itself = command("ask", &database);
    // Without the trap, the first write behind the limit would kill the process.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(itself.get_program())
        .args(itself.get_args())
        .envs(itself.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id().to_string();
    let mut lines = lines(&mut child);
    let mut stdin = child.stdin.take().unwrap();
    assert!(lines.any(|line| line.unwrap() == "asking"));
    let mut ask = || {
        stdin.write_all(b"\n").unwrap();
        lines.find_map(|line| said(&line.unwrap(), "answer")).expect("an answer")
    };
    let limit = |size: &str| {
        let status = Command::new("prlimit").args(["--pid", &process, &format!("--fsize={size}:")]).status().unwrap();
        assert!(status.success());
    };

    assert_eq!(ask(), 111);
    limit("1000");
    assert_eq!([ask(), ask()], [1, 1], "writes and readiness fail, reads go on");
    limit("unlimited");
    assert_eq!([ask(), ask()], [111, 111], "all is well again");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
