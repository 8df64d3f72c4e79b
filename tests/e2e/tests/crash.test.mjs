// kill -9 of the gateway at every step of an install: nothing acknowledged is lost, nothing is stuck.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Hops, launch } from "../lib/hops.mjs";
import { startApart } from "../lib/processes.mjs";
import { sleep, until } from "../lib/waiting.mjs";

/** Install up to the address of the callback, consent given without asking. */
async function upToTheCallback({ app, control }) {
  await control.put("consent", { mode: "allow" });
  const browser = new Hops();
  const begun = await browser.get(`${app}/zoom/install`);
  const consented = await browser.get(begun.location);
  return { browser, callback: consented.location };
}

/** Follows the callback as a browser would until it leads into the client; fails on an error page. */
async function untilInstalled({ browser, callback, zoom }) {
  let url = callback;
  const deadline = Date.now() + 180_000;
  while (Date.now() < deadline) {
    const answer = await browser.get(url);
    assert.ok(answer.status < 400, `${answer.status} ${answer.text.slice(0, 400)}`);
    if (answer.location?.startsWith(`${zoom}/launch/`)) return answer.location;
    if (answer.location) url = new URL(answer.location, url).href;
    else await sleep(500);
  }
  assert.fail("the installation is stuck");
}

async function called(control, endpoint) {
  const asked = async () => (await control.get("requests")).some(({ url }) => url.includes(endpoint));
  await until(`a call of ${endpoint}`, asked);
}

// Each has processes of its own; together they take as long as the longest, which waits for an exchange to be given up.
describe("kill -9 during an install", { concurrency: true }, () => {
  test("killed after the landing page: the callback still works", async (t) => {
    const stage = await startApart(t);
    const { browser, callback } = await upToTheCallback(stage);
    await stage.gateway.kill();
    await stage.gateway.start();
    await untilInstalled({ browser, callback, zoom: stage.zoom });
    assert.equal((await stage.control.tokenCalls()).length, 1);
  });

  for (const [step, endpoint, fault] of [
    ["the code is exchanged", "/oauth/token", "token.hang"],
    ["the user is asked for", "/v2/users/me", "me.hang"],
  ]) {
    test(`killed while ${step}: the same browser gets through after a restart`, async (t) => {
      const stage = await startApart(t);
      const { browser, callback } = await upToTheCallback(stage);
      await stage.control.put("faults", { id: fault, times: 1 });
      const cut = browser.get(callback).catch(() => null);
      await called(stage.control, endpoint);
      await stage.gateway.kill();
      await cut;
      await stage.control.put("faults", { id: fault, times: 0 });
      await stage.gateway.start();
      await untilInstalled({ browser, callback, zoom: stage.zoom });
    });
  }

  test("killed while the deep link is fetched: the installation is there", async (t) => {
    const stage = await startApart(t);
    const { browser, callback } = await upToTheCallback(stage);
    await stage.control.put("faults", { id: "deeplink.hang", times: 1 });
    const cut = browser.get(callback).catch(() => null);
    await called(stage.control, "/v2/zoomapp/deeplink");
    await stage.gateway.kill();
    await cut;
    await stage.gateway.start();
    const session = await launch(stage);
    const { text } = await session.get(`${stage.app}/zoom/session`);
    assert.equal(JSON.parse(text).installed, true, "stored before the link was asked for");
    await untilInstalled({ browser, callback, zoom: stage.zoom });
  });

  test("killed after the install: nothing is lost", async (t) => {
    const stage = await startApart(t);
    const { browser, callback } = await upToTheCallback(stage);
    await untilInstalled({ browser, callback, zoom: stage.zoom });
    await stage.gateway.kill();
    await stage.gateway.start();
    await untilInstalled({ browser, callback, zoom: stage.zoom });
    assert.equal((await stage.control.tokenCalls()).length, 1);
  });
});
