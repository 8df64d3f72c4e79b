// Gateways are replaced one after the other while users are busy, as every deployment does it: nobody notices, and a
// secret that was replaced so is worth nothing afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { Hops, MAY_ASK_ZOOM, askZoom, install, launch } from "../lib/hops.mjs";
import { freePorts, startGateway } from "../lib/processes.mjs";
import { until } from "../lib/waiting.mjs";

/** How many users are busy at the same time. */
const BUSY = 8;

const NEW_SECRET = "canary-another-master-secret-9876543210-zyxwv";

/**
 * Users who open the app, look at their session and ask Zoom, one after the other, until `stop`, which gives how many
 * requests that were and how each that failed did so. Each request has a connection of its own, so that whatever is cut
 * was cut by us.
 */
function keepBusy({ app, control }) {
  const told = { requests: 0, failed: [] };
  let over = false;
  const once = { connection: "close" };
  const user = async () => {
    while (!over) {
      const { context } = await control.post("context", {});
      const browser = new Hops();
      const steps = [
        ["/", { ...once, "x-zoom-app-context": context }, "</html>"],
        ["/zoom/session", once, '"installed":true'],
        ["/zoom/api/v2/users/me", once, '"id":'],
      ];
      for (const [path, headers, expected] of steps) {
        const cut = (error) => ({ status: 0, text: String(error.cause ?? error) });
        const { status, text } = await browser.send(app + path, { headers }).catch(cut);
        told.requests += 1;
        if (status !== 200 || !text.includes(expected)) told.failed.push(`${path}: ${status} ${text}`);
      }
    }
  };
  const users = Array.from({ length: BUSY }, user);
  return async () => {
    over = true;
    await Promise.all(users);
    return told;
  };
}

/** One round: every gateway in turn ends as operators end it, and starts with other settings. */
async function replaceAll(gateways, settings = {}) {
  for (const gateway of gateways) {
    assert.equal(await gateway.stop(), 0);
    Object.assign(gateway.env, settings);
    await gateway.start();
  }
}

test("SIGTERM under load: every gateway is replaced twice, and no request is dropped", async (t) => {
  const stage = await startCluster(t, { gateways: 2, gatewayArgs: MAY_ASK_ZOOM });
  await install(stage);
  const stop = keepBusy(stage);
  for (let round = 0; round < 2; round += 1) await replaceAll(stage.gateways);
  const { requests, failed } = await stop();
  assert.deepEqual(failed, []);
  t.diagnostic(`${requests} requests over 4 ends of a gateway, ${failed.length} dropped`);
});

test("the master secret is changed under load: no request fails, and the old one opens nothing afterwards", async (t) => {
  const stage = await startCluster(t, { gateways: 2, gatewayArgs: MAY_ASK_ZOOM });
  const { app, control, gateways, cwd } = stage;
  await install(stage);
  const before = await launch(stage);
  const old = { ...gateways[0].env };
  const stop = keepBusy(stage);
  await replaceAll(gateways, { STAGEDOOR_PREVIOUS_SECRETS: NEW_SECRET });
  await replaceAll(gateways, { STAGEDOOR_SECRET: NEW_SECRET, STAGEDOOR_PREVIOUS_SECRETS: old.STAGEDOOR_SECRET });
  for (const { origin } of gateways) assert.equal((await before.json(`${origin}/zoom/session`)).json.installed, true);
  // What is left then ends by itself: the state of the install has minutes to live.
  await until("what lasts is sealed anew", async () => !Number.isNaN(await outdated(gateways.at(-1))));
  await replaceAll(gateways, { STAGEDOOR_PREVIOUS_SECRETS: undefined });
  const { requests, failed } = await stop();
  assert.deepEqual(failed, []);

  assert.equal((await before.json(`${app}/zoom/session`)).status, 401, "a session under the old secret is over");
  const [port, admin] = await freePorts(1, 1);
  const own = { LISTEN: `127.0.0.1:${port}`, ADMIN_LISTEN: `127.0.0.1:${admin}` };
  const thief = await startGateway(t, { cwd, port, admin, args: MAY_ASK_ZOOM, env: { ...old, ...own } });
  const stolen = await launch({ app: thief.origin, control });
  assert.notEqual((await stolen.json(`${thief.origin}/zoom/session`)).json.installed, true);
  assert.notEqual((await askZoom(stolen, thief.origin)).status, 200, "the store says nothing to who has the old secret");
  t.diagnostic(`${requests} requests over 6 ends of a gateway, ${failed.length} failed`);
});

/** How many records only the old secret opened when the store had been walked through; before that it is not a number. */
async function outdated(gateway) {
  return Number(/^stagedoor_records_outdated (\S+)$/m.exec(await gateway.metrics())[1]);
}
