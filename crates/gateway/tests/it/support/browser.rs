use std::collections::BTreeMap;

use axum::body::Body;
use http::header;
use url::Url;

use super::{House, Reply, visit};

/// A browser at the top level: it keeps cookies and says what it loads.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) jar: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) async fn visit(&mut self, house: &House, path: &str) -> Reply {
        let mut request = visit(path);
        if !self.jar.is_empty() {
            let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie::Cookie::parse(cookie.to_str().unwrap().to_owned()).unwrap();
            if cookie.max_age().is_some_and(cookie::time::Duration::is_zero) {
                self.jar.remove(cookie.name());
            } else {
                self.jar.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        reply
    }

    /// Begins an install and returns the state that Zoom was given.
    pub(crate) async fn begin(&mut self, house: &House) -> String {
        let reply = self.visit(house, "/zoom/install").await;
        let location = Url::parse(reply.header("location")).unwrap();
        let state = location.query_pairs().find(|(name, _)| name == "state").expect("the authorize URL has a state");
        state.1.into_owned()
    }

    /// Comes back from Zoom.
    pub(crate) async fn come_back(&mut self, house: &House, state: &str) -> Reply {
        self.visit(house, &format!("/zoom/callback?code=canary-code&state={state}")).await
    }
}
