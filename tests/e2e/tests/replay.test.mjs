// What works once is sent a thousand times at once to three gateways: exactly one of them is accepted. (Webhooks:
// webhook.test.mjs.)

import assert from "node:assert/strict";
import { test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { Hops, install } from "../lib/hops.mjs";
import { Caller, decide } from "../lib/in-client.mjs";
import { appUser } from "../lib/sign-in.mjs";
import { STORES } from "../lib/stores.mjs";
import { startThirdParty } from "../lib/third-party.mjs";
import { until } from "../lib/waiting.mjs";

const REPLAYS = 1_000;

/** The answers to `send`, sent so often at once, by how many got them. */
async function replay(send) {
  const answers = await Promise.all(Array.from({ length: REPLAYS }, (_, index) => connected(() => send(index))));
  return Object.fromEntries([...new Set(answers)].map((answer) => [answer, answers.filter((one) => one === answer).length]));
}

/** `fetch` gives up a connection that is not open within ten seconds. Nothing was sent then, so it is tried again. */
async function connected(send) {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (error.cause?.code !== "UND_ERR_CONNECT_TIMEOUT") throw new Error(`a replay: ${error.cause ?? error}`, { cause: error });
    }
  }
}

for (const [name, start] of Object.entries(STORES)) {
  test(`on ${name}, of 1,000 parallel replays of a state, a handle, and a code of the client one is accepted`, { timeout: 1_200_000 }, async (t) => {
    const party = await startThirdParty(t);
    const stage = await startCluster(t, { storeUrl: (await start(t)).url, gatewayArgs: party.settings });
    const { app, control, gateways } = stage;
    const at = (url, index) => url.replace(app, gateways[index % gateways.length].origin);

    // The state of an install: everybody may be led into Zoom, one code is exchanged.
    await control.put("consent", { mode: "allow" });
    const browser = new Hops();
    const { location } = await browser.get((await browser.get(`${app}/zoom/install`)).location);
    const installed = await replay(async (index) => (await browser.get(at(location, index))).status);
    assert.equal((await control.tokenCalls("authorization_code")).length, 1);

    // The state of a sign-in: one link.
    const user = await appUser(stage);
    const callback = await user.signIn(await user.begin());
    const links = [];
    const returned = await replay(async (index) => {
      const { status, location } = await new Hops().get(at(callback, index));
      if (location) links.push(location);
      return status;
    });
    assert.equal(links.length, 1);

    // The handle in that link: one exchange.
    await user.wake(links[0]);
    const claimed = await replay(() => user.load().then(() => "opened"));
    await until("the connection", () => user.isConnected());
    assert.deepEqual([party.asked["/token"], party.exchanged], [1, 1]);

    // The code of the client: one exchange, one acceptance.
    const { user: id } = await control.get("state");
    const caller = await Caller.open(stage, id);
    const { code, state } = await decide(stage, id, await caller.begin());
    await control.forgetRequests();
    const authorized = await replay(async () => (await caller.post("authorized", { code, state })).status);
    assert.equal((await control.tokenCalls()).length, 1);
    assert.equal(authorized[200], 1);
    t.diagnostic(`answers by status: ${JSON.stringify({ installed, returned, claimed, authorized })}; one of each accepted`);
  });
}
