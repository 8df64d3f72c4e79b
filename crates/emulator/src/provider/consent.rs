//! `POST /consent`: the form of the provider's page.

use http::StatusCode;

use super::authorize::{allow, deny, note};
use crate::guard::Names;
use crate::platform::Platform;
use crate::world::journal::Problem;
use crate::world::provider::Account;
use crate::zoom::pages::{Notice, render};
use crate::zoom::{Answer, Call};

pub(super) fn consent(platform: &Platform, call: &Call) -> Answer {
    let mut world = platform.world();
    let form = call.form();
    let is_own = Names::of(&platform.addresses.provider).is_own_page(&call.headers);
    let ask = form.get("request").filter(|_| is_own).and_then(|request| world.provider.take(request));
    let account = form.get("account").and_then(Account::find);
    match (ask, form.get("decision"), account) {
        (Some(ask), Some("allow"), Some(account)) => allow(platform, &mut world, &ask, account),
        (Some(ask), Some("deny"), _) => deny(platform, &mut world, &ask),
        _ => {
            let flow = world.journal.provider_calls(platform.now());
            let problem =
                Problem::new("This decision does not count.", "Begin again in the app, and decide on the page.");
            let page = Notice::new("Acme cannot sign you in", &*problem.sentence, &problem.fix, "400");
            Answer::page(StatusCode::BAD_REQUEST, render(&page), platform, note(flow).failed(problem))
        }
    }
}
