//! The SQLite store between processes that share a file, and between a process and its successor after a crash.
#![cfg(all(feature = "sqlite", unix))]
#![expect(clippy::print_stdout, reason = "a child reports to its parent")]

mod processes;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use processes::{NOW, draft, insert, keep_the_contract, lines, place, random, said, survive_kill_9};
use stagedoor_flows::port::Store;
use stagedoor_store::Sqlite;

fn open(database: &str) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(database).expect("an open database"))
}

/// The database of a test, as children are told it.
fn database(directory: &tempfile::TempDir) -> String {
    directory.path().join("test.db").to_str().expect("a plain path").to_owned()
}

fn command(part: &str, database: &str) -> Command {
    processes::command("child", part, database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays the parts of the other tests"]
async fn child() {
    let (part, database) = processes::part();
    let store = open(&database);
    match part.as_str() {
        "ask" => ask(&store).await,
        part => processes::play(part, store).await,
    }
}

#[tokio::test]
async fn processes_that_share_a_file_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(&directory);
    keep_the_contract("child", &database, &*open(&database)).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(&directory);
    survive_kill_9("child", &database, || async { open(&database) }).await;
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_creates_the_database_leaves_nothing_in_the_way() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let database = database(&directory);
        let mut child = command("write", &database).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(500 + random(15_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(&database);
        insert(&*store, place("after", 0), 0).await;
    }
}

/// Tries to write once for each line that it gets, and says whether it worked.
async fn ask(store: &Arc<dyn Store>) {
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
    let database = database(&directory);
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
