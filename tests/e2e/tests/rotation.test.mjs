// The master secret is changed while two gateways serve: nobody notices, and the old one is worth nothing afterwards.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { Hops, install, launch, newUser } from "../lib/hops.mjs";
import { sleep } from "../lib/waiting.mjs";

const OLD = "canary-master-secret-0123456789-abcdefghij";
const NEW = "canary-newer-secret-abcdefghij-0123456789";

const cookieOf = (browser) => [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");

/** One request on a connection of its own. */
function get(url, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, headers }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk)).on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      answer.on("error", reject);
    });
    request.on("error", reject);
  });
}

/** Asks who the user is, with the first session and with the last, and opens the app anew, until told to end. */
async function goOn({ app, control }, { id, browser }, load) {
  const first = cookieOf(browser);
  let last = first;
  while (!load.over) {
    try {
      const cookie = load.requests % 4 === 0 ? first : last;
      const { status, text } = await get(`${app}/zoom/session`, { cookie });
      const { user, installed } = JSON.parse(text);
      if (status !== 200 || user?.id !== id || installed !== true) load.failures.push(`session: ${status} ${text}`);
      const { context } = await control.post("context", { user: id });
      const opened = await get(`${app}/`, { "x-zoom-app-context": context, accept: "text/html" });
      if (opened.status !== 200) load.failures.push(`launch: ${opened.status}`);
      last = opened.headers["set-cookie"].map((line) => line.split(";")[0]).join("; ");
    } catch (error) {
      load.failures.push(String(error));
    }
    load.requests += 2;
  }
}

/** Restarts one gateway after the other. */
async function roll(gateways, secret, previous) {
  for (const gateway of gateways) {
    assert.equal(await gateway.stop(), 0, gateway.output);
    gateway.env.STAGEDOOR_SECRET = secret;
    gateway.env.STAGEDOOR_PREVIOUS_SECRETS = previous;
    if (!previous) delete gateway.env.STAGEDOOR_PREVIOUS_SECRETS;
    await gateway.start();
    await sleep(300);
  }
}

test("the secret is changed under load: no request fails, and the old one is worth nothing afterwards", { timeout: 120_000 }, async (t) => {
  const stage = await startCluster(t, { gateways: 2 });
  const { app, control, gateways } = stage;
  const users = [];
  for (const name of ["Ada", "Grace", "Joan"]) {
    const id = await newUser(control, name);
    await install(stage);
    users.push({ id, browser: await launch(stage) });
  }
  const load = { over: false, failures: [], requests: 0 };
  const going = users.map((user) => goOn(stage, user, load));
  await roll(gateways, OLD, NEW);
  await roll(gateways, NEW, OLD);
  await sleep(500);
  load.over = true;
  await Promise.all(going);
  assert.deepEqual(load.failures, []);
  assert.ok(load.requests > 100);

  // Adding the app again is a write, so it is sealed with the new secret.
  const [ada] = users;
  await control.put("user", { id: ada.id });
  await install(stage);
  const anew = await launch(stage);
  await roll(gateways, NEW, undefined);
  const session = async (browser) => (await browser.json(`${app}/zoom/session`)).json;
  assert.equal((await session(anew)).installed, true);
  assert.deepEqual([(await session(anew)).user.id, (await session(ada.browser)).user ?? null], [ada.id, null]);
  assert.equal((await session(new Hops())).user ?? null, null);
  t.diagnostic(`${load.requests} requests over four restarts, 0 failed`);
});
