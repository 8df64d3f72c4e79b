//! What `Sqlite::open` accepts, and what it says when it does not.
#![cfg(feature = "sqlite")]

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use rusqlite::Connection;
use stagedoor_store::Sqlite;
use stagedoor_store::sqlite::OpenError;

fn sql(path: &Path, sql: &str) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(sql).expect("sql");
    connection
}

fn refusal(path: &Path) -> OpenError {
    Sqlite::open(path).expect_err("this must not be opened")
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let refusal = refusal(&missing.join("test.db"));
    assert!(matches!(&refusal, OpenError::NoDirectory(named) if *named == missing), "{refusal:?}");
    assert!(!missing.exists());
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "text").unwrap();
    let refusal = refusal(&file.join("test.db"));
    assert!(matches!(&refusal, OpenError::NoDirectory(named) if *named == file), "{refusal:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    // Nobody can create a file there, not even root.
    let refusal = refusal(Path::new("/sys/stagedoor-test.db"));
    assert!(matches!(refusal, OpenError::Denied { .. }), "{refusal:?}");
}

#[test]
fn a_directory_is_not_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = refusal(directory.path());
    assert!(matches!(refusal, OpenError::NotADatabase(_)), "{refusal:?}");
}

#[test]
fn a_text_file_is_not_a_database_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "not a database at all ".repeat(100);
    fs::write(&path, &text).unwrap();
    let refusal = refusal(&path);
    assert!(matches!(refusal, OpenError::NotADatabase(_)), "{refusal:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_refused_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    let foreign = ["CREATE TABLE notes (text)", "PRAGMA user_version = 1", "PRAGMA application_id = 1"];
    for statement in foreign {
        drop(fs::remove_file(&path));
        drop(sql(&path, statement));
        let before = fs::read(&path).unwrap();
        let refusal = refusal(&path);
        assert!(matches!(refusal, OpenError::Foreign(_)), "{statement}: {refusal:?}");
        assert_eq!(fs::read(&path).unwrap(), before, "{statement}");
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    drop(Sqlite::open(&path).unwrap());
    drop(sql(&path, "PRAGMA user_version = 99"));
    let refusal = refusal(&path);
    assert!(matches!(refusal, OpenError::Newer { found: 99, supported: 1, .. }), "{refusal:?}");
    let text = refusal.to_string();
    assert!(text.contains("99") && text.contains("up to 1") && text.contains("test.db"), "{text}");
}

#[test]
fn a_database_that_stays_locked_is_refused_after_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let _lock = sql(&path, "PRAGMA journal_mode = delete; BEGIN EXCLUSIVE");
    let refusal = refusal(&path);
    assert!(matches!(refusal, OpenError::Busy(_)), "{refusal:?}");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    fs::write(&path, "").unwrap();
    drop(Sqlite::open(&path).unwrap());
    drop(Sqlite::open(&path).unwrap());
}

#[test]
fn many_who_open_a_new_database_at_once_all_succeed() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    Sqlite::open(&path).expect("an open database");
                });
            }
        });
    }
}

#[test]
fn a_closed_database_is_one_file() {
    let directory = tempfile::tempdir().unwrap();
    drop(Sqlite::open(directory.path().join("test.db")).unwrap());
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["test.db"]);
}

#[cfg(unix)]
#[test]
fn a_new_database_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let _open = Sqlite::open(directory.path().join("test.db")).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap().map(Result::unwrap) {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name());
    }
    names.sort();
    assert_eq!(names, ["test.db", "test.db-shm", "test.db-wal"]);
}

#[cfg(unix)]
#[test]
fn the_mode_of_an_existing_database_is_left_to_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    drop(Sqlite::open(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}
