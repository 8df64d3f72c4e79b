//! Refreshes that are done by a process beside the gateway: both ends of the line between them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stagedoor_flows::connect::Connect;
use stagedoor_flows::grant::{Driver, Errand};
use stagedoor_flows::tokens::Tokens;
use stagedoor_gateway::{Errands, Flights, SystemEntropy};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

use crate::support::{House, PATIENCE, Plan, USER, get, until};
use crate::tokens::metrics;

const TOKEN: &str = "/oauth/token";

/// After how long without anything to do a process is let go, where that is what is tested.
const IDLE: Duration = Duration::from_millis(400);

fn errand(key: &str) -> Errand {
    Errand { shelf: "installation".into(), key: key.into(), forced: false, used: true }
}

/// A shell that stands in for the other process. It says in a file that it was started, and does `script`.
struct StandIn {
    directory: TempDir,
    flights: Arc<Flights>,
}

impl StandIn {
    fn new(script: &str) -> Self {
        Self::with_idle(script, 10 * PATIENCE)
    }

    fn with_idle(script: &str, idle: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (place, script) = (directory.path().to_owned(), format!("ps -o pgid= -p $$ >> groups; {script}"));
        let command = move || {
            let mut command = Command::new("sh");
            command.args(["-c", &script]).current_dir(&place);
            command
        };
        Self { directory, flights: Arc::new(Flights::outliving(command, idle)) }
    }

    /// The process groups of the processes that were started.
    fn groups(&self) -> Vec<u32> {
        let path: PathBuf = self.directory.path().join("groups");
        let groups = std::fs::read_to_string(path).unwrap_or_default();
        groups.lines().map(|line| line.trim().parse().unwrap()).collect()
    }

    /// Hands an errand over; what comes back, unless nobody takes it.
    async fn asks(&self) -> Option<Option<Duration>> {
        Some(self.flights.hand_over(&errand(USER))?.await.and_then(|done| done.left_alone))
    }
}

/// Answers every order, the first with number 0.
const ANSWERS: &str = r#"n=0; while read -r order; do
    echo "$order" >> orders
    echo 'nonsense'; echo '{"done":{"number":77}}'
    echo '{"landed":{"outcome":"Limited","cause":null}}'
    echo "{\"done\":{\"number\":$n,\"done\":{\"left_alone\":{\"secs\":30,\"nanos\":0},\"refusal\":null}}}"; n=$((n + 1))
done"#;

#[tokio::test]
async fn an_errand_is_handed_over_and_what_comes_of_it_is_counted() {
    let stand_in = StandIn::new(ANSWERS);
    let flights = Arc::clone(&stand_in.flights);
    let house = Plan::default().flows(|flows, _| flows.flights = flights).build();
    for _ in 0..3 {
        assert_eq!(stand_in.asks().await, Some(Some(Duration::from_secs(30))));
    }
    assert_eq!(stand_in.groups().len(), 1, "one process does them all");
    let counted = metrics(&house).await;
    assert!(counted.contains(r#"stagedoor_refreshes_total{outcome="limited"} 3"#), "{counted}");
    assert!(counted.contains("stagedoor_refreshes_handed_over_total 3"), "{counted}");
    let orders = std::fs::read_to_string(stand_in.directory.path().join("orders")).unwrap();
    let first: Value = serde_json::from_str(orders.lines().next().unwrap()).unwrap();
    let errand = json!({"shelf": "installation", "key": USER, "forced": false, "used": true});
    assert_eq!(first, json!({"number": 0, "errand": errand}), "and no more than that is said");
}

#[tokio::test]
async fn the_process_is_out_of_reach_of_what_a_terminal_sends_to_the_gateway() {
    let stand_in = StandIn::new(ANSWERS);
    stand_in.asks().await.unwrap();
    let own = Command::new("ps").args(["-o", "pgid=", "-p", &std::process::id().to_string()]).output().unwrap();
    let own: u32 = String::from_utf8(own.stdout).unwrap().trim().parse().unwrap();
    assert_ne!(stand_in.groups(), [own]);
}

#[tokio::test]
async fn a_process_that_cannot_be_started_is_not_waited_for() {
    let flights = Flights::outliving(|| Command::new("/there/is/no/such/program"), PATIENCE);
    for _ in 0..3 {
        assert!(flights.hand_over(&errand(USER)).is_none());
    }
}

#[tokio::test]
async fn a_process_that_dies_leaves_nobody_waiting_and_is_not_started_again_at_once() {
    let stand_in = StandIn::new("read -r order; exit 1");
    assert_eq!(tokio::time::timeout(PATIENCE, stand_in.asks()).await, Ok(Some(None)));
    assert_eq!(stand_in.asks().await, None);
    assert_eq!(stand_in.groups().len(), 1);
}

#[tokio::test]
async fn a_process_that_hangs_holds_up_nobody() {
    let stand_in = StandIn::new("sleep 60");
    let began = Instant::now();
    let taken: Vec<_> = (0..2_000).map_while(|_| stand_in.flights.hand_over(&errand(USER))).collect();
    assert!((1..=256).contains(&taken.len()), "{}", taken.len());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_key_that_no_pipe_takes_at_once_is_not_handed_over() {
    let stand_in = StandIn::new(ANSWERS);
    assert!(stand_in.flights.hand_over(&errand(&"k".repeat(600))).is_none());
    assert_eq!(stand_in.asks().await, Some(Some(Duration::from_secs(30))), "and the next one is");
}

#[tokio::test]
async fn a_process_with_nothing_to_do_is_let_go_and_another_one_started_when_there_is() {
    let stand_in = StandIn::with_idle(ANSWERS, IDLE);
    assert!(stand_in.asks().await.is_some());
    let is_let_go = async || {
        tokio::time::sleep(2 * IDLE).await;
        stand_in.asks().await;
        stand_in.groups().len() >= 2
    };
    until("it is let go", is_let_go).await;
}

#[tokio::test]
async fn a_process_with_something_to_do_is_kept() {
    let slow = ANSWERS.replace("nonsense'", "nonsense'; sleep 1");
    let stand_in = StandIn::with_idle(&slow, IDLE);
    assert_eq!(stand_in.asks().await, Some(Some(Duration::from_secs(30))), "more than twice as long");
}

/// The word that an errand is done, with nothing more to say.
fn done(number: u64) -> Value {
    json!({"done": {"number": number, "done": {"left_alone": null, "refusal": null}}})
}

/// The other end, on the store of a house.
struct Beside {
    house: House,
    input: DuplexStream,
    reports: Lines<BufReader<DuplexStream>>,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Beside {
    /// A user has added the app, and the token has expired.
    async fn start() -> Self {
        let (sender, receiver) = mpsc::channel::<Connect>();
        let house = Plan::default()
            .flows(move |flows, _| sender.send(flows.zoom.as_ref().unwrap().connect.clone()).unwrap())
            .build();
        house.install().await;
        house.clock.advance_seconds(3_600);
        let (input, orders) = tokio::io::duplex(64 * 1024);
        let (output, reports) = tokio::io::duplex(64 * 1024);
        let errands = Arc::new(Errands::new(output));
        let ports = (Arc::clone(&house.clock) as _, Arc::new(SystemEntropy) as _);
        let tokens = Tokens::new(&house.installations, ports, Arc::clone(&errands) as _);
        let flows = (tokens, receiver.recv().unwrap());
        let (end, ended) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(async move { errands.run(flows, orders, ended).await });
        Self { house, input, reports: BufReader::new(reports).lines(), end: Some(end), running }
    }

    async fn order(&mut self, number: u64, errand: &Errand) {
        let line = format!("{}\n", json!({"number": number, "errand": errand}));
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    async fn report(&mut self) -> Value {
        let line = self.reports.next_line().await.unwrap().unwrap();
        assert!(!line.contains("canary"), "mn_12: {line}");
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test]
async fn errands_go_in_and_outcomes_come_out_until_the_input_has_closed() {
    let mut beside = Beside::start().await;
    beside.order(5, &errand(USER)).await;
    assert_eq!(beside.report().await, json!({"landed": {"outcome": "Renewed", "cause": null}}));
    assert_eq!(beside.report().await, done(5));
    assert_eq!(beside.house.zoom.calls(TOKEN), 2, "for the code, and for the errand");

    beside.house.clock.advance_seconds(3_600);
    beside.house.zoom.answer(TOKEN, 400, &json!({"reason": "Invalid client_id", "error": "invalid_client"}));
    beside.order(6, &errand(USER)).await;
    let landed = beside.report().await;
    assert_eq!(landed["landed"]["outcome"], "Refused");
    assert!(landed["landed"]["cause"]["text"].as_str().unwrap().contains("client id and secret"), "{landed}");
    let done = &beside.report().await["done"]["done"];
    assert!(done["left_alone"]["secs"].as_u64().unwrap() > 5, "{done}");
    assert_eq!(done["refusal"][0]["code"], "client_refused");
    drop(beside.input);
    beside.running.await.unwrap();
}

#[tokio::test]
async fn mn_12_lines_that_make_no_sense_are_refused_and_the_next_one_is_done() {
    let mut beside = Beside::start().await;
    let long = "x".repeat(100_000);
    for line in ["", "nonsense", "{}", "[1]", r#"{"number": 1}"#, "\u{0}", &long] {
        beside.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    beside.input.write_all(b"\xff\xfe\n").await.unwrap();
    beside.order(1, &Errand { shelf: "sessions".into(), ..errand(USER) }).await;
    assert_eq!(beside.report().await, done(1));
    beside.order(2, &errand("nobody")).await;
    assert_eq!(beside.report().await, done(2));
    assert_eq!(beside.house.zoom.calls(TOKEN), 1, "nothing is refreshed");
    beside.order(3, &errand(USER)).await;
    assert_eq!(beside.report().await["landed"]["outcome"], "Renewed");
}

#[tokio::test]
async fn what_is_under_way_is_done_before_it_ends_where_it_is_asked_to_end() {
    let mut beside = Beside::start().await;
    beside.house.zoom.slow_down(TOKEN, Duration::from_millis(300));
    beside.order(1, &errand(USER)).await;
    until("Zoom is asked", async || beside.house.zoom.calls(TOKEN) == 2).await;
    beside.end.take().unwrap().send(()).unwrap();
    beside.running.await.unwrap();
    let line = beside.reports.next_line().await.unwrap().unwrap();
    assert!(line.contains("Renewed"), "{line}");
}

#[tokio::test]
async fn what_is_under_way_is_done_where_the_gateway_is_gone() {
    let mut beside = Beside::start().await;
    beside.house.zoom.slow_down(TOKEN, Duration::from_millis(100));
    beside.order(1, &errand(USER)).await;
    until("Zoom is asked", async || beside.house.zoom.calls(TOKEN) == 2).await;
    drop((beside.input, beside.reports));
    beside.running.await.unwrap();
    let session = beside.house.session().await;
    let request = get("/zoom/session").header("cookie", session).body(axum::body::Body::empty()).unwrap();
    assert_eq!(beside.house.send(request).await.json()["installed"], true);
    let user = stagedoor_protocol::id::ZoomUserId::parse(USER).unwrap();
    beside.house.tokens.fresh(&user).await.unwrap();
    assert_eq!(beside.house.zoom.calls(TOKEN), 2, "the tokens are stored");
}
