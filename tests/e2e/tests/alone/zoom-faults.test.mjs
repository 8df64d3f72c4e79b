// What users and operators see of a Zoom that is down, slow or lying, and of a wrong client secret: no grant is marked
// dead for it, Zoom is not asked again and again, and whoever needs nothing of Zoom notices nothing.

import assert from "node:assert/strict";
import http from "node:http";
import { describe, test } from "node:test";

import { MAY_ASK_ZOOM, askZoom, install, launch, newUser } from "../../lib/hops.mjs";
import { startApart } from "../../lib/processes.mjs";
import { eventually, sleep, until } from "../../lib/waiting.mjs";

/** Whose tokens have expired when a fault begins. */
const USERS = 6;

/** How long a fault that answers at once is on, in milliseconds; and one that does not, longer than callers wait. */
const BRIEF = 4_000;
const LONG = 20_000;

/** How many calls of the token endpoint one grant may cost in either time. */
const CALLS = 8;

/**
 * By how many milliseconds, besides three times, requests that need nothing of Zoom may take longer than at a gateway
 * beside, at the same time, whose Zoom has no fault: one of two, and 99 of a hundred, of which there are few enough on a
 * busy machine that one that stumbles counts. So it matters little what else the machine does.
 */
const SLOWER = { p50: 300, p99: 1_000 };

/** How soon all is well after a fault, in milliseconds: the longer a fault lasted, the longer a grant rests, a minute at most. */
const RECOVERY = 120_000;

/**
 * How long the access tokens live that a fault is to meet, in seconds. That is so little that they are not handed out
 * any more, and in the first half of it they are not refreshed ahead of expiry.
 */
const EXPIRED = 10;

/** Faults of the token endpoint that leave refresh tokens alone. */
const HARMLESS = {
  "token.rate_limited": BRIEF,
  "token.rate_limited_bare": BRIEF,
  "token.server_error": BRIEF,
  "token.garbage": BRIEF,
  "token.html": BRIEF,
  "token.invalid_client": BRIEF,
  "token.invalid_request": BRIEF,
  "token.hang": LONG,
};

/** Faults that strike after Zoom has used the refresh token up, so that its answer is all there is. */
const USED_UP = { "token.truncated": BRIEF, "token.lost": BRIEF, "token.slow": LONG, "token.late": LONG };

/** Faults of the API: what the page is told, and what comes of refreshes: each refused token is replaced, once a minute. */
const API = {
  "me.rate_limited": [429, undefined, {}],
  "me.server_error": [503, "zoom_unavailable", {}],
  "me.invalid_token": [502, "token_refused", { renewed: USERS }],
  "me.hang": [504, "zoom_timeout", {}],
};

/** Zoom and a gateway, and another gateway with a Zoom that is well; at each somebody who needs nothing of Zoom. */
async function stageOf(t) {
  const stage = await stageWithNeighbour(t);
  return { ...stage, beside: await stageWithNeighbour(t) };
}

async function stageWithNeighbour(t) {
  const stage = await startApart(t, { gatewayArgs: MAY_ASK_ZOOM });
  await newUser(stage.control, "A neighbour");
  await install(stage);
  return { ...stage, neighbour: await launch(stage) };
}

/** Users with a session each, whose access tokens live so many seconds. */
async function users(stage, count, seconds) {
  await stage.control.put("tokens", { access_seconds: seconds });
  const users = [];
  for (let index = 0; index < count; index += 1) {
    const id = await newUser(stage.control, `User ${index}`);
    await install(stage);
    users.push({ id, browser: await launch(stage) });
  }
  await stage.control.put("tokens", { access_seconds: 3600 });
  return users;
}

/**
 * Users whose access tokens are not handed out any more when what `begin` does has begun. Where that came so late that
 * there was a refresh ahead of expiry, all of it begins again with tokens that live longer.
 */
async function expiredUsers(stage, { begin, end }, life = EXPIRED) {
  const { control, app } = stage;
  const spent = await refreshCalls(control);
  const callers = await users(stage, USERS, life);
  const areExpired = sleep(1000 * (life - EXPIRED));
  await begin();
  if ((await refreshCalls(control)) === spent) {
    await areExpired;
    return callers;
  }
  await end();
  await Promise.all(callers.map(({ browser }) => askZoom(browser, app)));
  return expiredUsers(stage, { begin, end }, 3 * life);
}

const refreshCalls = async (control) => (await control.tokenCalls("refresh_token")).length;

/** What a counter of the gateway says, by label, where it is not 0. */
async function counted(admin, name) {
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  const lines = metrics.matchAll(new RegExp(`^${name}\\{\\w+="(\\w+)"\\} (\\d+)$`, "gm"));
  return Object.fromEntries([...lines].map(([, label, count]) => [label, Number(count)]).filter(([, count]) => count > 0));
}

const ended = (admin) => counted(admin, "stagedoor_grants_ended_total");
const refreshed = (admin) => counted(admin, "stagedoor_refreshes_total");

/** Asks for the session of somebody who needs nothing of Zoom until `isOver`; what one of two and 99 of a hundred took at most, in milliseconds. */
async function waitsOf({ app, neighbour }, isOver) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const cookie = [...neighbour.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const times = [];
  while (!isOver()) {
    const begun = performance.now();
    const status = await new Promise((resolve, reject) => {
      const request = http.get(`${app}/zoom/session`, { agent, headers: { cookie } }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      });
      request.on("error", reject);
    });
    assert.equal(status, 200);
    times.push(performance.now() - begun);
    await sleep(10);
  }
  agent.destroy();
  times.sort((a, b) => a - b);
  const share = (part) => times[Math.floor(times.length * part)];
  return { p50: share(0.5), p99: share(0.99) };
}

const whileLasting = (millis) => {
  const end = Date.now() + millis;
  return () => Date.now() > end;
};

/** Everybody asks again and again for so long, while the neighbours go on; what they were told, and how long the neighbours waited. */
async function duringTheFault(stage, callers, millis) {
  const isOver = whileLasting(millis);
  const told = new Set();
  const asking = callers.map(async (user) => {
    while (!isOver()) {
      const { status, json } = await askZoom(user.browser, stage.app);
      told.add(`${status} ${json.code}`);
      await sleep(200);
    }
  });
  const [here, beside] = await Promise.all([waitsOf(stage, isOver), waitsOf(stage.beside, isOver)]);
  await Promise.all(asking);
  return { told: [...told].sort(), waits: { here, beside } };
}

/** Asks until there is an answer that will stay. */
function outcome({ browser }, { app }) {
  const look = async () => {
    const { status, json } = await askZoom(browser, app);
    return status === 200 ? "good" : json.code === "needs_reauth" && "over";
  };
  return until("an answer that stays", look, { within: RECOVERY, every: 250 });
}

function assertUnchanged({ here, beside }) {
  for (const [share, by] of Object.entries(SLOWER)) {
    assert.ok(here[share] < 3 * beside[share] + by, inWords({ here, beside }));
  }
}

function inWords({ here, beside }) {
  const told = ({ p50, p99 }) => `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
  return `neighbour's ${told(here)}, elsewhere ${told(beside)}`;
}

// Some beside each other: most of the time they wait.
describe("a Zoom with faults", { concurrency: true }, () => {
  describe("a token endpoint that", { concurrency: 4 }, () => {
    const longestFirst = Object.entries({ ...HARMLESS, ...USED_UP }).sort(([, a], [, b]) => b - a);
    for (const [fault, millis] of longestFirst) {
      test(`answers with ${fault}`, { timeout: 600_000 }, async (t) => {
        const stage = await stageOf(t);
        const { control, admin } = stage;
        const end = () => control.put("faults", { token: null });
        const callers = await expiredUsers(stage, { begin: () => control.put("faults", { id: fault }), end });
        const spent = await refreshCalls(control);
        const { told, waits } = await duringTheFault(stage, callers, millis);
        const calls = (await refreshCalls(control)) - spent;
        if (fault in HARMLESS) assert.deepEqual(await ended(admin), {}, "no grant is marked dead");
        assert.ok(calls > 0 && calls <= CALLS * USERS, `${calls} calls`);
        assertUnchanged(waits);
        assert.ok(told.every((answer) => /^(429|502|503|504|403 needs_reauth) ?/.test(answer)), told.join(", "));

        await end();
        const outcomes = await Promise.all(callers.map((user) => outcome(user, stage)));
        const over = outcomes.filter((one) => one === "over").length;
        if (fault in HARMLESS) {
          assert.deepEqual([over, await ended(admin)], [0, {}], "everybody goes on");
        } else {
          const marked = over > 0 ? { answer_lost: over } : {};
          await eventually(async () => assert.deepEqual(await ended(admin), marked, "what was lost is told, and nothing else"));
          for (const { id, browser } of callers) {
            await control.put("user", { id });
            await install(stage);
            assert.equal((await askZoom(browser, stage.app)).status, 200, "and healed by adding the app once more");
          }
        }
        t.diagnostic(
          `${calls} calls for ${USERS} grants in ${millis / 1000} s, told: ${told.join(", ")}; ${over} lost with Zoom's answer; ` +
            inWords(waits),
        );
      });
    }
  });

  describe("an API that", () => {
    for (const [fault, [status, code, replaced]] of Object.entries(API)) {
      test(`answers with ${fault}`, { timeout: 600_000 }, async (t) => {
        const stage = await stageOf(t);
        const { control, admin } = stage;
        const callers = await users(stage, USERS, 3600);
        await control.put("faults", { id: fault });
        assert.deepEqual(await refreshed(admin), {});
        const { told, waits } = await duringTheFault(stage, callers, 3_000);
        assert.deepEqual(told, [`${status} ${code ?? 429}`]);
        await eventually(async () => assert.deepEqual(await refreshed(admin), replaced));
        assertUnchanged(waits);

        await control.put("faults", { me: null });
        const outcomes = await Promise.all(callers.map((user) => outcome(user, stage)));
        assert.deepEqual([new Set(outcomes), await ended(admin)], [new Set(["good"]), {}]);
        t.diagnostic(`told: ${told.join(", ")}; ${inWords(waits)}`);
      });
    }
  });

  test("a gateway that is started with a wrong client secret loses no grant", { timeout: 600_000 }, async (t) => {
    const stage = await stageOf(t);
    const { control, admin, gateway } = stage;
    const right = gateway.env.ZOOM_CLIENT_SECRET;
    const callers = await expiredUsers(stage, { begin: () => gateway.stop(), end: () => gateway.start() });
    gateway.env.ZOOM_CLIENT_SECRET = "another-client-secret-Zt8Lk2Vw7RtQm";
    await gateway.start();
    const spent = await refreshCalls(control);
    const { told } = await duringTheFault(stage, callers, LONG);
    const calls = (await refreshCalls(control)) - spent;
    assert.deepEqual(await ended(admin), {});
    assert.ok(told.includes("502 client_refused"), told.join(", "));
    await eventually(() => assert.match(gateway.output, /Zoom does not know this client id and secret/, "the operator learns the reason"));
    assert.ok(calls > 0 && calls <= 4 * USERS, `${calls} calls`);

    await gateway.stop();
    gateway.env.ZOOM_CLIENT_SECRET = right;
    await gateway.start();
    const outcomes = await Promise.all(callers.map((user) => outcome(user, stage)));
    assert.deepEqual([new Set(outcomes), await ended(admin)], [new Set(["good"]), {}]);
    t.diagnostic(`${calls} calls for ${USERS} grants in ${LONG / 1000} s, told: ${told.join(", ")}`);
  });
});
