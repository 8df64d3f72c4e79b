// What users see of a store that is away, slow, read-only or full: pages open and sessions go on, what needs the store
// is 503 in time, no refresh token is spent that could not be kept, and all is well soon after, without a restart.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { FAULTS } from "../lib/faulty-stores.mjs";
import { Hops, MAY_ASK_ZOOM, askZoom, install, launch } from "../lib/hops.mjs";
import { startApart } from "../lib/processes.mjs";
import { STORES } from "../lib/stores.mjs";
import { sleep, until } from "../lib/waiting.mjs";

/** The longest that anything may take, in milliseconds: the store's five seconds and a little. */
const DEADLINE = 6_000;

/** The time within which all must be well after a fault. */
const RECOVERY = 5_000;

/**
 * How long the first access token lives, in seconds. It is not handed out any more ten seconds before its end, and not
 * refreshed ahead of that in the first half of its life: there the fault has to begin.
 */
const LIFE = 16;

/**
 * What the machine may take beside what was promised, in milliseconds: one that is busy or slow is so for everything, and
 * `usual` is what requests took before the fault. On a quiet one it is less than the store's five seconds, so that nobody
 * has waited for the store who need not, and nobody twice.
 */
const room = (usual) => Math.max(3_000, 20 * usual);

/** An answer that came within `limit`. */
async function within(limit, what, answering) {
  const begun = Date.now();
  const answer = await answering;
  const took = Date.now() - begun;
  assert.ok(took <= limit, `${what} took ${took} ms, which may be ${limit}`);
  return answer;
}

const ready = async (admin) => (await fetch(`${admin}/ready`)).status;

/** A user who has installed the app and has it open, with a token that soon needs a refresh. */
async function settled(stage, life) {
  await stage.control.put("tokens", { access_seconds: life });
  await install(stage);
  await stage.control.put("tokens", { access_seconds: 3600 });
  return launch(stage);
}

/**
 * Begins a fault for a user whose token needs a refresh from then on. Where the fault came so late that there was a
 * refresh ahead of expiry, all of it begins again with tokens that live longer.
 */
async function strike(stage, { begin, end }, life = LIFE) {
  const browser = await settled(stage, life);
  const isDue = sleep(1000 * (life - 10));
  const spent = (await stage.control.tokenCalls()).length;
  await begin();
  if ((await stage.control.tokenCalls()).length === spent) {
    await isDue;
    return { browser, spent };
  }
  await end();
  await until("recovery", async () => (await ready(stage.admin)) === 200);
  return strike(stage, { begin, end }, 3 * life);
}

/** How long it takes to open a page, to begin an install and to look at the store, where nothing is wrong. */
async function usually({ app, admin }, browser) {
  const begun = Date.now();
  const { status } = await browser.get(`${app}/`);
  const [begins, readiness] = await Promise.all([new Hops().get(`${app}/zoom/install`), ready(admin)]);
  assert.deepEqual([status, begins.status, readiness], [200, 302, 200]);
  return Date.now() - begun;
}

// The faults of one store happen at the same time, each to a store of its own: nearly all of this is waiting.
for (const [name, anywhere] of Object.entries(STORES)) {
  describe(`a ${name} store`, { concurrency: true }, () => {
    for (const [what, { reads, start = anywhere, begin, end }] of Object.entries(FAULTS[name])) {
      test(`${what}: pages go on, nothing is spent, and all is well soon after`, { timeout: 600_000 }, async (t) => {
        const store = await start(t);
        const stage = await startApart(t, { gatewayArgs: MAY_ASK_ZOOM, env: { DATABASE_URL: store.url } });
        const { app, admin, control, gateway } = stage;
        const usual = await usually(stage, await launch(stage));
        const { pid } = gateway.child;

        const fault = { begin: () => begin({ store, gateway }), end: () => end({ store, gateway }) };
        const { browser, spent } = await strike(stage, fault);
        const refused = await duringTheFault({ stage, browser, reads, slack: room(usual) });
        assert.equal((await control.tokenCalls()).length, spent, "no token call was begun");

        await fault.end();
        const ended = Date.now();
        await until("recovery", async () => (await ready(admin)) === 200, { within: RECOVERY + room(usual), every: 50 });
        t.diagnostic(`0 refreshes begun, 503 after ${refused} ms, well ${Date.now() - ended} ms after the end, not restarted`);
        const answer = await askZoom(browser, app);
        assert.equal(answer.status, 200, answer.text);
        assert.equal((await control.tokenCalls()).length, spent + 1, "one refresh, now that its result can be kept");
        await install(stage);
        assert.equal(gateway.child.pid, pid);
        assert.equal(gateway.child.exitCode, null, "nothing was restarted");
      });
    }
  });
}

async function duringTheFault({ stage, browser, reads, slack }) {
  const { app, admin } = stage;
  // What needs no store.
  const page = await within(1000 + slack, "an open page", browser.get(`${app}/`));
  assert.equal(page.status, 200);
  await within(1000 + slack, "a launch", launch(stage));
  const { status, json } = await within(3000 + slack, "the session", browser.json(`${app}/zoom/session`));
  assert.equal(status, 200);
  assert.equal(json.installed, reads ? true : null);

  // What does, all at once: nobody waits for the others.
  const visitor = new Hops();
  const asking = Date.now();
  const [begun, asked, readiness] = await within(
    DEADLINE + slack,
    "what needs the store",
    Promise.all([visitor.get(`${app}/zoom/install`), askZoom(browser, app), ready(admin)]),
  );
  const refused = Date.now() - asking;
  assert.equal(begun.status, 503, begun.text);
  assert.match(begun.headers.get("content-type"), /html/);
  assert.equal(asked.status, 503, asked.text);
  assert.equal(readiness, 503);
  return refused;
}
