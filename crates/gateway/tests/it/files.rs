//! The app as files.

use std::fs;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use stagedoor_gateway::AppSource;
use tempfile::TempDir;

use crate::support::{House, Plan, Reply, get, visit};

struct Site {
    root: TempDir,
    house: House,
    cookie: String,
}

impl Site {
    async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(root.path().join(name), content).unwrap();
        fs::create_dir_all(root.path().join("docs")).unwrap();
        fs::create_dir_all(root.path().join("empty")).unwrap();
        fs::create_dir_all(root.path().join(".git")).unwrap();
        fs::create_dir_all(root.path().join(".well-known")).unwrap();
        write("index.html", b"<h1>index</h1>");
        write("docs/index.html", b"<h1>docs</h1>");
        write("digits.txt", b"0123456789");
        write("long.js", "let a = 1;\n".repeat(500).as_bytes());
        write("a b.txt", b"space");
        write("big.bin", &vec![7; 3 * 1024 * 1024]);
        write(".env", b"SECRET=1");
        write(".git/config", b"[core]");
        write(".well-known/x.txt", b"known");
        let house = Plan::app(AppSource::Root(root.path().into())).build();
        let cookie = house.session().await;
        Self { root, house, cookie }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = get(path).header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.house.send(request.body(Body::empty()).unwrap()).await
    }

    async fn visit(&self, path: &str) -> Reply {
        self.house.send(visit(path).header("cookie", &self.cookie).body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn a_file_is_answered_with_its_type_and_tag() {
    let site = Site::new().await;
    insta::assert_snapshot!(site.get("/digits.txt", &[]).await.shot(), @r#"
    200 OK
    accept-ranges: bytes
    cache-control: private, no-cache
    content-length: 10
    content-type: text/plain; charset=utf-8
    etag: "84d89877f0d4041efb6bf91a16f0248f"
    x-request-id: [id]

    0123456789
    "#);
    assert_eq!(site.get("/a%20b.txt", &[]).await.body, "space");
    assert_eq!(site.get("/.well-known/x.txt", &[]).await.body, "known");
}

#[tokio::test]
async fn directories_and_client_side_routes_show_an_index() {
    let site = Site::new().await;
    assert_eq!(site.visit("/").await.body, "<h1>index</h1>");
    assert_eq!(site.visit("/docs/").await.body, "<h1>docs</h1>");
    let reply = site.visit("/docs?x=1").await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::TEMPORARY_REDIRECT, "/docs/?x=1"));
    for route in ["/meetings/42", "/empty", "/empty/", "/docs/nothing"] {
        assert_eq!(site.visit(route).await.body, "<h1>index</h1>", "{route}");
    }
}

#[tokio::test]
async fn what_is_no_route_and_no_file_is_not_found() {
    let site = Site::new().await;
    for path in ["/missing.js", "/meetings/42.json"] {
        assert_eq!(site.visit(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/missing", "/digits.txt/", "/digits.txt/x"] {
        assert_eq!(site.get(path, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn hidden_files_and_links_that_leave_the_root_are_not_there() {
    let site = Site::new().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.txt"), "outside").unwrap();
    let link = |to: &std::path::Path, name: &str| std::os::unix::fs::symlink(to, site.root.path().join(name)).unwrap();
    link(&outside.path().join("secret.txt"), "link.txt");
    link(outside.path(), "linked");
    link(&site.root.path().join(".env"), "env.txt");
    link(&site.root.path().join("digits.txt"), "inside.txt");
    for path in ["/.env", "/.git/config", "/link.txt", "/linked/secret.txt", "/env.txt", "/%2eenv", "/x%00.txt"] {
        let status = site.get(path, &[]).await.status;
        assert!(status.is_client_error(), "{path}: {status}");
    }
    assert_eq!(site.get("/inside.txt", &[]).await.body, "0123456789");
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again_but_a_page_is() {
    let site = Site::new().await;
    let tag = site.get("/digits.txt", &[]).await.header("etag").to_owned();
    for condition in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
        let reply = site.get("/digits.txt", &[("if-none-match", &condition)]).await;
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{condition}");
        assert_eq!(reply.header("etag"), tag);
    }
    assert_eq!(site.get("/digits.txt", &[("if-none-match", "\"other\"")]).await.status, StatusCode::OK);
    let page = site.get("/index.html", &[("if-none-match", "*")]).await;
    assert_eq!((page.status, page.header("etag"), page.header("cache-control")), (StatusCode::OK, "", "no-store"));
}

#[tokio::test]
async fn a_changed_file_shows_within_a_second() {
    let site = Site::new().await;
    let before = site.get("/digits.txt", &[]).await;
    fs::write(site.root.path().join("digits.txt"), "changed!").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let after = site.get("/digits.txt", &[]).await;
    assert_eq!(after.body, "changed!");
    assert_ne!(after.header("etag"), before.header("etag"));
    fs::remove_file(site.root.path().join("digits.txt")).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(site.get("/digits.txt", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn parts_of_a_file_are_answered() {
    let site = Site::new().await;
    let tag = site.get("/digits.txt", &[]).await.header("etag").to_owned();
    let cases = [
        ("bytes=0-3", None, 206, "0123", "bytes 0-3/10"),
        ("bytes=-2", None, 206, "89", "bytes 8-9/10"),
        ("bytes=8-", Some(tag.as_str()), 206, "89", "bytes 8-9/10"),
        ("bytes=8-", Some("\"other\""), 200, "0123456789", ""),
        ("bytes=0-1,3-4", None, 200, "0123456789", ""),
        ("junk", None, 200, "0123456789", ""),
    ];
    for (range, condition, status, body, content_range) in cases {
        let mut headers = vec![("range", range)];
        headers.extend(condition.map(|condition| ("if-range", condition)));
        let reply = site.get("/digits.txt", &headers).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (status, body), "{range}");
        assert_eq!(reply.header("content-range"), content_range);
    }
    let beyond = site.get("/digits.txt", &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */10"));
}

#[tokio::test]
async fn large_files_are_streamed_from_the_disk_with_ranges() {
    let site = Site::new().await;
    let whole = site.get("/big.bin", &[]).await;
    assert_eq!((whole.header("content-length"), whole.body.len()), ("3145728", 3 * 1024 * 1024));
    let part = site.get("/big.bin", &[("range", "bytes=3145720-")]).await;
    assert_eq!((part.status.as_u16(), part.body.len()), (206, 8));
    let tag = whole.header("etag");
    assert_eq!(site.get("/big.bin", &[("if-none-match", tag)]).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn texts_are_compressed_where_it_is_worth_it() {
    let site = Site::new().await;
    let plain = site.get("/long.js", &[]).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let mut tags = vec![plain.header("etag").to_owned()];
    for (accept, coding) in
        [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("GZIP", "gzip")]
    {
        let reply = site.get("/long.js", &[("accept-encoding", accept)]).await;
        assert_eq!(reply.header("content-encoding"), coding, "{accept}");
        assert!(reply.header("content-length").parse::<usize>().unwrap() < plain.body.len() / 5);
        tags.push(reply.header("etag").to_owned());
    }
    assert_ne!(tags[0], tags[1]);
    assert_ne!(tags[1], tags[2]);
    for accept in ["identity", "br;q=0", "br;q=0.000", "*;q=0"] {
        assert_eq!(site.get("/long.js", &[("accept-encoding", accept)]).await.body, plain.body, "{accept}");
    }
    let small = site.get("/digits.txt", &[("accept-encoding", "br")]).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("", ""));
}

#[tokio::test]
async fn head_answers_the_same_without_the_content() {
    let site = Site::new().await;
    for path in ["/digits.txt", "/big.bin", "/"] {
        let head = Request::head(path).header("cookie", &site.cookie).body(Body::empty()).unwrap();
        let (head, full) = (site.house.send(head).await, site.get(path, &[]).await);
        assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
        for name in ["content-length", "content-type", "etag"] {
            assert_eq!(head.header(name), full.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn files_can_only_be_read() {
    let site = Site::new().await;
    let post = Request::post("/digits.txt").header("cookie", &site.cookie).header("sec-fetch-site", "same-origin");
    let reply = site.house.send(post.body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[tokio::test]
async fn a_missing_index_is_explained() {
    let root = tempfile::tempdir().unwrap();
    let house = Plan::app(AppSource::Root(root.path().into())).build();
    let reply = house.launch("/").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert!(reply.body.contains("no_index") && reply.body.contains("app.root"));
}

#[tokio::test]
async fn the_bundled_app_needs_no_disk() {
    let house = Plan::default().build();
    let cookie = house.session().await;
    for (path, start) in
        [("/", "<!doctype html><title>Sample"), ("/deep/", "<!doctype html><title>Deep"), ("/app.js", "console")]
    {
        let reply = house.send(get(path).header("cookie", &cookie).body(Body::empty()).unwrap()).await;
        assert!(reply.body.starts_with(start), "{path}: {}", reply.body);
    }
    assert_eq!(house.get("/robots.txt").await.status, StatusCode::OK);
}
