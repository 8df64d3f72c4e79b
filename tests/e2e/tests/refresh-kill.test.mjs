// kill -9 of the gateway in the middle of refreshes: its second process loses nothing. Where both die at once, which is
// as if there were none (`tokens.outlive = false`): no token that was used is lost, nothing is stuck, and what Zoom's
// answer took with it is known, counted, and healed by adding the app once more.
//
// STAGEDOOR_KILLS says how many; few by default, because each orphan is waited for.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { MAY_ASK_ZOOM, askZoom, install, launch, newUser } from "../lib/hops.mjs";
import { STORES } from "../lib/stores.mjs";
import { sleep, until } from "../lib/waiting.mjs";

const KILLS = Number(process.env.STAGEDOOR_KILLS ?? 3);
const TIMES = { timeout: 1_200_000 };

/** A user with a session, whose access token is about to expire: the next call needs a refresh. */
async function due(stage, index) {
  const id = await newUser(stage.control, `User ${index}`);
  await stage.control.put("tokens", { access_seconds: 2 });
  await install(stage);
  await stage.control.put("tokens", { access_seconds: 3600 });
  return { id, session: await launch(stage) };
}

/** How many refreshes have reached Zoom. */
const refreshes = async (control) => (await control.tokenCalls("refresh_token")).length;

/** Waits until one more has. */
async function oneMore(control, before) {
  return until("a refresh that reaches Zoom", async () => (await refreshes(control)) > before, { within: 20_000, every: 10 });
}

/** Calls until there is an answer that says what became of the grant. */
async function outcome(user, app) {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const { status, json } = await askZoom(user.session, app);
    if (status === 200) return "good";
    if (json.code === "needs_reauth") return "lost";
    assert.ok(Date.now() < deadline, `stuck: ${status} ${JSON.stringify(json)}`);
    await sleep(500);
  }
}

/** Kills the gateway during a refresh of one user after the other, by `kill`, and says what became of them. */
async function killings(stage, { fault, kill }) {
  const [gateway] = stage.gateways;
  const users = [];
  for (let index = 0; index < KILLS; index += 1) {
    const user = await due(stage, index);
    // Some die between Zoom's use of the token and the answer, unless the renewal ahead of expiry was there first; the
    // others where they happen to be.
    let cut = fault(index) !== undefined;
    if (cut) await stage.control.put("faults", { id: fault(index), times: 1 });
    const before = await refreshes(stage.control);
    const answered = askZoom(user.session, gateway.origin).then(({ status }) => status, () => 0);
    if (cut) cut = await Promise.race([oneMore(stage.control, before), answered.then(() => false)]);
    else await sleep(Math.random() * 100);
    await kill(gateway);
    users.push({ ...user, cut, acknowledged: (await answered) === 200 });
    await stage.control.put("faults", { id: "token.late", times: 0 });
    await gateway.start();
  }
  const outcomes = await Promise.all(users.map((user) => outcome(user, gateway.origin)));
  users.forEach((user, index) => (user.isLost = outcomes[index] === "lost"));
  const lost = users.filter(({ isLost }) => isLost);
  assert.equal(lost.filter(({ acknowledged }) => acknowledged).length, 0, "a token that was used is kept");
  const [cut, acknowledged] = [users.filter((user) => user.cut), users.filter((user) => user.acknowledged)];
  const where = `${cut.length} between Zoom's use of the token and its answer`;
  const told = `${KILLS} kills, ${where}: ${acknowledged.length} answered before, ${lost.length} lost, 0 stuck`;
  return { users, lost, told };
}

/** What was lost is told, counted, and healed by adding the app once more. */
async function heal(stage, lost) {
  const [gateway] = stage.gateways;
  for (const user of lost) {
    const { json } = await user.session.json(`${gateway.origin}/zoom/session`);
    assert.deepEqual([json.installed, json.reauthorize], [false, true]);
    await stage.control.put("user", { id: user.id });
    await install(stage);
    assert.equal(await outcome(user, gateway.origin), "good", "adding the app once more heals it");
  }
  assert.equal(await counted(gateway, 'grants_ended_total{reason="answer_lost"}'), lost.length, "what was lost is counted");
}

async function counted(gateway, name) {
  const line = (await gateway.metrics()).split("\n").find((line) => line.startsWith(`stagedoor_${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

// Beside each other: most of the time they wait for orphans.
describe("kill -9 during refreshes", { concurrency: true }, () => {
  for (const [name, start] of Object.entries(STORES)) {
    test(`${name}: ${KILLS} kills of a gateway whose refreshes outlive it lose nothing`, TIMES, async (t) => {
      const stage = await startCluster(t, { gateways: 1, storeUrl: (await start(t)).url, gatewayArgs: MAY_ASK_ZOOM });
      const fault = (index) => (index % 3 === 2 ? undefined : "token.delayed");
      const { lost, told } = await killings(stage, { fault, kill: (gateway) => gateway.kill() });
      t.diagnostic(told);
      const [gateway] = stage.gateways;
      const log = gateway.output.split("\n").filter((line) => line.includes("refresh")).join("\n");
      assert.equal(lost.length, 0, `the second process has stored what Zoom answered\n${log}`);

      const renewed = await counted(gateway, 'refreshes_total{outcome="renewed"}');
      assert.equal(await outcome(await due(stage, KILLS), gateway.origin), "good");
      assert.ok((await counted(gateway, "refreshes_handed_over_total")) >= 1);
      const now = await counted(gateway, 'refreshes_total{outcome="renewed"}');
      assert.ok(now > renewed, "the gateway counts what the other one does");
    });

    test(`${name}: ${KILLS} kills of both processes at once lose what was on its way, and it heals`, TIMES, async (t) => {
      const stage = await startCluster(t, { gateways: 1, storeUrl: (await start(t)).url, gatewayArgs: MAY_ASK_ZOOM });
      const fault = (index) => (index % 3 === 2 ? "token.late" : undefined);
      const kill = async (gateway) => gateway.kill(await gateway.children());
      const { users, lost, told } = await killings(stage, { fault, kill });
      t.diagnostic(told);
      assert.ok(users.every(({ cut, isLost }) => !cut || isLost), "an answer that died is told as lost");
      await heal(stage, lost);
    });
  }
});
