//! The secret of a deployment is changed.

use std::sync::Arc;

use stagedoor_flows::installation::Installation;
use stagedoor_flows::port::{Clock, Store};
use stagedoor_flows::seal::{MasterSecret, Purpose, Sealer};
use stagedoor_flows::vault::Vault;
use stagedoor_gateway::SystemEntropy;
use stagedoor_store::Memory;

use crate::support::{MASTER_SECRET, Plan, raw, until};

fn vault(store: &Arc<dyn Store>, clock: Arc<dyn Clock>, previous: &[&str]) -> Vault {
    let previous: Vec<_> = previous.iter().map(|text| MasterSecret::new(*text)).collect();
    let new = MasterSecret::new("canary-master-secret-after-the-rotation");
    let sealer = Arc::new(Sealer::new(&new, &previous, Purpose::Record).unwrap());
    Vault::new(Arc::clone(store), sealer, clock, Arc::new(SystemEntropy))
}

#[tokio::test]
async fn after_a_rotation_the_metrics_say_when_the_previous_secret_can_go() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let plan = || Plan { store: Arc::clone(&store), ..Plan::default() };
    let before = plan().build();
    before.install().await;
    let after = vault(&store, Arc::clone(&before.clock) as _, &[]);
    assert!(after.list::<Installation>().await.unwrap().pop().unwrap().is_err());

    let shared = Arc::clone(&store);
    let change = move |flows: &mut stagedoor_gateway::Flows, clock| {
        flows.vault = vault(&shared, clock, &[MASTER_SECRET]);
    };
    let gateway = plan().flows(change).build().run().await;
    let metrics = async || raw(gateway.admin, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let is_done = async || {
        let seen = metrics().await;
        let is_done = seen.contains("\nstagedoor_records_outdated 0.0\n");
        assert!(is_done || seen.contains("\nstagedoor_records_outdated NaN\n"), "nothing is promised before: {seen}");
        is_done
    };
    until("all is sealed anew", is_done).await;
    assert!(after.list::<Installation>().await.unwrap().pop().unwrap().is_ok());
}
