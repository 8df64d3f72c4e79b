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
import { eventually, sleep, until } from "../lib/waiting.mjs";

const KILLS = Number(process.env.STAGEDOOR_KILLS ?? 3);
const TIMES = { timeout: 1_200_000 };

/**
 * A user with a session, whose access token is about to expire: the next call needs a refresh. Refreshes ahead of expiry
 * begin after half of the ten seconds.
 */
async function due(stage, index) {
  const id = await newUser(stage.control, `User ${index}`);
  await stage.control.put("tokens", { access_seconds: 10 });
  await install(stage);
  await stage.control.put("tokens", { access_seconds: 3600 });
  return { id, session: await launch(stage) };
}

/** Waits until a fault that was to strike once has struck, or `answered`; says whether it has. */
async function struck(control, answered) {
  let isAnswered = false;
  answered.then(() => (isAnswered = true));
  const hasStruck = async () => (await control.get("state")).faults.length === 0;
  await until("a refresh that reaches Zoom", async () => isAnswered || (await hasStruck()), { every: 10 });
  return hasStruck();
}

/** Calls until there is an answer that says what became of the grant. */
function outcome(user, app) {
  let last;
  const look = async () => {
    const { status, json } = (last = await askZoom(user.session, app));
    return status === 200 ? "good" : json.code === "needs_reauth" && "lost";
  };
  return until(() => `an end of it: ${last.status} ${last.text}`, look, { within: 300_000, every: 500 });
}

/** Kills the gateway during a refresh of one user after the other, by `kill`, and says what became of them. */
async function killings(stage, { fault, kill }) {
  const [gateway] = stage.gateways;
  const users = [];
  let cut = 0;
  for (let index = 0; index < KILLS; index += 1) {
    const user = await due(stage, index);
    // Some die between Zoom's use of a token and its answer; the others where they happen to be.
    const isCut = fault(index) !== undefined;
    if (isCut) await stage.control.put("faults", { id: fault(index), times: 1 });
    const answered = askZoom(user.session, gateway.origin).then(({ status }) => status, () => 0);
    if (!isCut) await sleep(Math.random() * 100);
    else if (await struck(stage.control, answered)) cut += 1;
    await kill(gateway);
    users.push({ ...user, acknowledged: (await answered) === 200 });
    await stage.control.put("faults", { token: null });
    await gateway.start();
  }
  const outcomes = await Promise.all(users.map((user) => outcome(user, gateway.origin)));
  const lost = users.filter((_, index) => outcomes[index] === "lost");
  assert.deepEqual(lost.filter(({ acknowledged }) => acknowledged), [], "a token that was used is kept");
  const acknowledged = users.filter((user) => user.acknowledged).length;
  const where = `${cut} between Zoom's use of the token and its answer`;
  return { cut, lost, told: `${KILLS} kills, ${where}: ${acknowledged} answered before, ${lost.length} lost, 0 stuck` };
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
  const ended = () => counted(gateway, 'grants_ended_total{reason="answer_lost"}');
  await eventually(async () => assert.equal(await ended(), lost.length, "what was lost is counted"));
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

      const renewed = () => counted(gateway, 'refreshes_total{outcome="renewed"}');
      const before = await renewed();
      assert.equal(await outcome(await due(stage, KILLS), gateway.origin), "good");
      // The other process tells it when the new token is stored, and who waits for that may see it sooner.
      await until("the gateway counts what the other one does", async () => (await renewed()) > before);
      assert.ok((await counted(gateway, "refreshes_handed_over_total")) >= 1);
    });

    test(`${name}: ${KILLS} kills of both processes at once lose what was on its way, and it heals`, TIMES, async (t) => {
      const stage = await startCluster(t, { gateways: 1, storeUrl: (await start(t)).url, gatewayArgs: MAY_ASK_ZOOM });
      const fault = (index) => (index % 3 === 2 ? "token.late" : undefined);
      const kill = async (gateway) => gateway.kill(await gateway.children());
      const { cut, lost, told } = await killings(stage, { fault, kill });
      t.diagnostic(told);
      // A refresh ahead of expiry may have been there before the caller's, so that it was another user's answer.
      assert.ok(lost.length >= cut, "an answer that died is told as lost");
      await heal(stage, lost);
    });
  }
});
