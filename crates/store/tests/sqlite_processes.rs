//! The SQLite store between processes that share a file, and between a process and its successor after a crash.
#![cfg(all(feature = "sqlite", unix))]
#![expect(clippy::print_stdout, reason = "a child reports to its parent")]

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stagedoor_flows::port::Store;
use stagedoor_store::Sqlite;

use self::parts::{ADDRESS, Acknowledged, NOW, PART, command, draft, insert, lines, place, random, said};

mod parts;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays the parts of the other tests"]
async fn child() {
    // Ends the line that the test harness may have begun.
    println!();
    let database = PathBuf::from(env::var_os(ADDRESS).expect("a database"));
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&database).expect("an open database"));
    match env::var(PART).expect("a part").as_str() {
        "share" => parts::share(&store, &database.with_extension("counter")).await,
        "write" => parts::write(&store).await,
        "ask" => ask(&*store).await,
        part => panic!("no such part: {part}"),
    }
}

#[tokio::test]
async fn processes_that_share_a_file_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("test.db");
    let store = Sqlite::open(&database).unwrap();
    let child = || command("child", "share", &database);
    parts::share_between_processes(&store, &database.with_extension("counter"), child).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("test.db");
    insert(&Sqlite::open(&database).unwrap(), place("counter", 0), 0).await;
    let mut acknowledged = Acknowledged::default();
    for _ in 0..25 {
        let mut child = command("child", "write", &database).spawn().unwrap();
        acknowledged.hear_until_its_end(&mut child, |child| child.kill().unwrap());
        acknowledged.check(&Sqlite::open(&database).unwrap()).await;
    }
    assert!(acknowledged.tried() > 100, "only {} writes were tried", acknowledged.tried());
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_creates_the_database_leaves_nothing_in_the_way() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("test.db");
        let mut child = command("child", "write", &database).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(500 + random(15_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Sqlite::open(&database).unwrap();
        insert(&store, place("after", 0), 0).await;
    }
}

/// Tries to write once for each line that it gets, and says whether it worked.
async fn ask(store: &dyn Store) {
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
    let itself = command("child", "ask", &database);
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
