//! `doctor`, against the real gateway: as it is, and behind proxies that break something.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;

use crate::running::{Running, free_ports};
use crate::support::{ENOUGH, Place, Ran};

const WEBHOOK_SECRET: &str = "qgg8vlvZRS6UYooatFL8Aw";

/// A deployment on this machine; the public port belongs to whoever stands before the gateway.
struct Deployment {
    place: Place,
    public: u16,
    gateway: u16,
    admin: u16,
}

impl Deployment {
    fn new() -> Self {
        let public = free_ports(3);
        let (gateway, admin) = (public + 1, public + 2);
        let addresses = [
            ("PUBLIC_URL", format!("http://localhost:{public}")),
            ("LISTEN", format!("127.0.0.1:{gateway}")),
            ("ADMIN_LISTEN", format!("127.0.0.1:{admin}")),
            ("APP_ROOT", "app".to_owned()),
            ("ZOOM_WEBHOOK_SECRET_TOKEN", WEBHOOK_SECRET.to_owned()),
        ];
        let addresses: Vec<_> = addresses.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // All but its public URL and its app.
        let place = Place::new().with(&addresses).with(&ENOUGH[1..4]);
        std::fs::create_dir(place.path("app")).unwrap();
        let place = place.file("app/index.html", "<!doctype html><title>App</title>").file("stagedoor.toml", SETTINGS);
        Self { place, public, gateway, admin }
    }

    fn serve(&self) -> Running {
        Running::start(self.place.command(&["serve"]), "\"listening\"")
    }

    fn examine(&self) -> Ran {
        self.place.run(&["doctor", "--json"])
    }
}

const SETTINGS: &str = r#"
[consumer]
origins = ["https://www.example.com"]
private_key = { file = "consumer.pem" }
identity = { forward = "https://www.example.com/whoami" }
claims = { email = "email" }

[cobrowse]
sdk_key = "aSdkKey"
sdk_secret = "z1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"
origins = ["https://www.example.com"]
"#;

/// What a proxy does to a request and to its answer.
struct Proxy {
    request: fn(String) -> String,
    answer: fn(String) -> String,
    /// Whether `/metrics` leads to the admin listener.
    is_metrics_open: bool,
}

const HONEST: Proxy = Proxy { request: |request| request, answer: |answer| answer, is_metrics_open: false };

impl Proxy {
    /// Stands before the gateway until the test is over; what was sent to it can be read.
    fn start(self, deployment: &Deployment) -> Arc<Mutex<Vec<String>>> {
        let listener = TcpListener::bind(("127.0.0.1", deployment.public)).unwrap();
        let (gateway, admin) = (deployment.gateway, deployment.admin);
        let heard = Arc::new(Mutex::new(vec![]));
        let hear = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { continue };
                hear.lock().unwrap().push(request.clone());
                let port = if self.is_metrics_open && request.starts_with("GET /metrics ") { admin } else { gateway };
                let request = (self.request)(with(&request, "connection: close"));
                let mut inward = TcpStream::connect(("127.0.0.1", port)).unwrap();
                inward.write_all(request.as_bytes()).unwrap();
                let mut answer = Vec::new();
                inward.read_to_end(&mut answer).unwrap();
                let answer = (self.answer)(String::from_utf8(answer).unwrap());
                // Whoever asks may have gone away.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        heard
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        let mut some = [0; 4096];
        let read = stream.read(&mut some).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&some[..read]);
    }
}

/// Removes header fields of a name.
fn without(message: &str, name: &str) -> String {
    let is_it = |line: &&str| !line.to_ascii_lowercase().starts_with(&format!("{name}:"));
    message.split("\r\n").filter(is_it).collect::<Vec<_>>().join("\r\n")
}

/// Adds a header field in front of the others.
fn with(message: &str, field: &str) -> String {
    message.replacen("\r\n", &format!("\r\n{field}\r\n"), 1)
}

fn with_key(deployment: &Deployment) {
    assert_eq!(deployment.place.run(&["keys", "generate"]).status, 0);
}

/// What was found that is worse than ok.
fn told(ran: &Ran) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = ran.json()["findings"].as_array().unwrap().clone();
    let told = findings.iter().map(|one| (text(&one["check"]), text(&one["severity"]), text(&one["came"])));
    told.filter(|(_, severity, _)| severity != "ok").collect()
}

#[test]
fn a_deployment_that_runs_has_nothing_to_mend() {
    let deployment = Deployment::new();
    with_key(&deployment);
    let _running = deployment.serve();
    HONEST.start(&deployment);
    let ran = deployment.place.run(&["doctor"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let said = ran.stdout.replace(&deployment.public.to_string(), "PORT");
    assert_snapshot!(said, @r"
    ok       tls            http://localhost:PORT/: http, which is good enough on this machine only; a deployment needs https
    ok       routes         /zoom/client.js: stagedoor answers
    ok       clock          Date: the server's clock agrees with this machine's
    ok       headers        the Home URL in a browser: 200, with every header that Zoom's clients ask for
    ok       headers        the Home URL in a frame: 200, with every header that Zoom's clients ask for
    ok       launch         the Home URL as Zoom opens it: 200 with text/html; charset=utf-8, with a session
    ok       cookie         the Home URL as Zoom opens it: __Host-stagedoor with Secure, HttpOnly, SameSite=None, Partitioned
    ok       cookie         the session, with that cookie: the cookie comes back, and the session is known
    ok       context        the Home URL, with a forged app context: refused with 403
    ok       install        /zoom/install: 302 to https://zoom.us/oauth/authorize
    ok       state          /zoom/install: a state, and a PKCE challenge with S256, new each time
    ok       cookie         /zoom/install: __Host-stagedoor-install with Secure, HttpOnly, SameSite=Lax
    ok       redirect       /zoom/callback without a state: 302 to http://localhost:PORT/zoom/install
    ok       webhook        /zoom/webhook without a signature: refused with 401
    ok       domain         /zoomverify/verifyzoom.html: 404: reachable without a session, once the app has the file that Zoom gives you
    ok       headers        an address that does not exist: 404, with every header that Zoom's clients ask for
    ok       admin          /metrics, /ready: neither is open to the world
    ok       cors           /consumer-auth, a page of https://www.example.com: let in, exactly
    ok       cors           /consumer-auth, a page of https://stagedoor-doctor.invalid: a site that is not listed is told nothing
    ok       cors           /cobrowse/token, a page of https://www.example.com: let in, exactly
    ok       cors           /cobrowse/token, a page of https://stagedoor-doctor.invalid: a site that is not listed is told nothing

    http://localhost:PORT/: nothing is wrong, as far as can be seen from here
    ");
    let ran = deployment.examine();
    assert_eq!((ran.status, &ran.json()["ok"]), (0, &serde_json::Value::Bool(true)));
}

/// What a proxy breaks, and the check and the words that tell it.
const BROKEN: [(Proxy, &str, &str); 8] = [
    (
        Proxy { answer: |answer| without(&answer, "strict-transport-security"), ..HONEST },
        "headers",
        "no Strict-Transport-Security",
    ),
    (Proxy { answer: |answer| answer.replace(" Secure;", ""), ..HONEST }, "cookie", "__Host-stagedoor lacks Secure"),
    (
        Proxy { answer: |answer| answer.replace("location: http://localhost", "location: http://127.0.0.1"), ..HONEST },
        "redirect",
        "it leads to http://127.0.0.1",
    ),
    (
        Proxy { answer: |answer| with(&without(&answer, "date"), "date: Sun, 06 Nov 1994 08:49:37 GMT"), ..HONEST },
        "clock",
        "s behind this machine's",
    ),
    (Proxy { request: |request| without(&request, "x-zoom-app-context"), ..HONEST }, "launch", "no session"),
    (Proxy { request: |request| without(&request, "cookie"), ..HONEST }, "cookie", "401"),
    (Proxy { is_metrics_open: true, ..HONEST }, "admin", "/metrics is open to the world"),
    (
        Proxy {
            answer: |answer| with(&without(&answer, "access-control-allow-origin"), "access-control-allow-origin: *"),
            ..HONEST
        },
        "cors",
        "is let in",
    ),
];

#[test]
fn what_a_proxy_breaks_is_found() {
    let key = Deployment::new();
    with_key(&key);
    for (proxy, check, came) in BROKEN {
        // Each proxy keeps its port until the end, so each gets a deployment of its own.
        let deployment = Deployment::new();
        std::fs::copy(key.place.path("consumer.pem"), deployment.place.path("consumer.pem")).unwrap();
        let _running = deployment.serve();
        proxy.start(&deployment);
        let ran = deployment.examine();
        assert_eq!(ran.status, 1, "{check}: {ran:?}");
        let told = told(&ran);
        let is_it =
            |found: &(String, String, String)| (found.0 == check) && (found.1 == "problem") && found.2.contains(came);
        assert!(told.iter().any(is_it), "{check} {came}: {told:#?}");
    }
}

#[test]
fn mn_12_no_secret_is_sent_and_a_context_only_to_the_deployment_of_these_settings() {
    let deployment = Deployment::new();
    with_key(&deployment);
    let _running = deployment.serve();
    let heard = HONEST.start(&deployment);
    let url = format!("http://127.0.0.1:{}", deployment.public);
    // The same deployment by another name: not what the settings say, so only a forged context goes there.
    let ran = deployment.place.run(&["doctor", &url]);
    assert!(ran.stderr.contains("not those of"), "{ran:?}");
    assert_eq!(genuine(&deployment.place, &heard), (1, 0));
    deployment.examine();
    assert_eq!(genuine(&deployment.place, &heard), (3, 1));
    let all = heard.lock().unwrap().join("\n");
    let secrets = ENOUGH.iter().filter(|(name, _)| name.ends_with("SECRET")).map(|(_, value)| *value);
    for secret in secrets.chain([WEBHOOK_SECRET, "z1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC"]) {
        assert!(!all.contains(secret));
    }
}

/// How many contexts were sent, and how many of them open.
fn genuine(place: &Place, heard: &Mutex<Vec<String>>) -> (usize, usize) {
    let heard = heard.lock().unwrap();
    let sent = heard.iter().flat_map(|request| request.lines());
    let sent: Vec<_> = sent.filter_map(|line| line.strip_prefix("x-zoom-app-context: ")).collect();
    let open = sent.iter().filter(|context| place.run(&["context", "open", context]).status == 0).count();
    (sent.len(), open)
}

#[test]
fn a_url_is_enough() {
    let deployment = Deployment::new();
    with_key(&deployment);
    let _running = deployment.serve();
    HONEST.start(&deployment);
    let url = format!("http://localhost:{}", deployment.public);
    let ran = Place::new().run(&["doctor", &url, "--json"]);
    assert_eq!((ran.status, told(&ran)), (0, vec![]), "{ran:?}");
}

#[test]
fn what_dev_runs_has_nothing_to_mend() {
    let (app, zoom) = (free_ports(1), free_ports(6));
    let place = Place::new();
    let command = place.command(&["dev", "--port", &app.to_string(), "--emulator-port", &zoom.to_string()]);
    let _running = Running::start(command, "Ctrl-C stops everything.");
    let ran = place.run(&["doctor", &format!("http://localhost:{app}"), "--json"]);
    assert_eq!((ran.status, told(&ran)), (0, vec![]), "{ran:?}");
}

#[test]
fn an_address_where_nobody_answers_is_status_1_and_wrong_use_is_status_2() {
    let nowhere = format!("http://localhost:{}", free_ports(1));
    let ran = Place::new().run(&["doctor", &nowhere]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stdout.starts_with("problem  reachable") && ran.stdout.contains("no connection"), "{ran:?}");
    for wrong in [&["doctor"][..], &["doctor", "ftp://app.example.com"], &["doctor", "https://app.example.com/path"]] {
        assert_eq!(Place::new().run(wrong).status, 2, "{wrong:?}");
    }
}
