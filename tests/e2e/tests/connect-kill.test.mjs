// kill -9 of the gateway at every step of a sign-in at a third party: nothing is half connected, nothing is stuck, and
// whoever was in the middle of it can go on or begin again.
//
// STAGEDOOR_KILLS says how many random moments are tried besides.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startApart } from "../lib/processes.mjs";
import { appUser } from "../lib/sign-in.mjs";
import { startThirdParty } from "../lib/third-party.mjs";
import { sleep, until } from "../lib/waiting.mjs";

const KILLS = Number(process.env.STAGEDOOR_KILLS ?? 5);

async function openStage(t) {
  const party = await startThirdParty(t);
  const stage = await startApart(t, { gatewayArgs: party.settings });
  return { ...stage, party, user: await appUser(stage) };
}

async function die({ gateway }) {
  await gateway.kill();
  await gateway.start();
}

/** Kills the gateway while `step` waits for what was asked of somebody else. */
async function dieDuring(stage, step, isAsked) {
  const cut = step().catch(() => null);
  await until("the step", isAsked);
  await die(stage);
  await cut;
}

describe("kill -9 during a sign-in at a third party", { concurrency: true }, () => {
  test("while the user signs in: the sign-in goes on", async (t) => {
    const stage = await openStage(t);
    const address = await stage.user.begin();
    await die(stage);
    assert.equal((await stage.user.state()).attempt, "pending");
    await stage.user.open(await stage.user.goBack(await stage.user.signIn(address)));
    assert.ok(await stage.user.isConnected());
  });

  test("while the deep link is fetched: the code is not exchanged, and the user begins again", async (t) => {
    const stage = await openStage(t);
    const { user, party, control } = stage;
    const callback = await user.signIn(await user.begin());
    await control.put("faults", { id: "deeplink.hang", times: 1 });
    const before = await deepLinks(control);
    await dieDuring(stage, () => user.goBack(callback), async () => (await deepLinks(control)) > before);
    assert.equal(await user.goBack(callback), null, "the code has arrived, so there is no second link");
    assert.ok(!(await user.isConnected()));
    await user.connect();
    assert.ok(await user.isConnected());
    assert.equal(party.exchanged, 1);
  });

  test("before the deep link is followed: it still leads to the connection", async (t) => {
    const stage = await openStage(t);
    const { user } = stage;
    const link = await user.goBack(await user.signIn(await user.begin()));
    await die(stage);
    await user.open(link);
    assert.ok(await user.isConnected());
  });

  test("while the code is exchanged: it is used up, the link with it, and the user begins again", async (t) => {
    const stage = await openStage(t);
    const { user, party } = stage;
    const link = await user.goBack(await user.signIn(await user.begin()));
    party.silent = "/token";
    await dieDuring(stage, () => user.open(link), () => party.asked["/token"] === 1);
    party.silent = null;
    assert.ok(!(await user.isConnected()));
    await user.open(link);
    assert.ok(!(await user.isConnected()), "a link works once");
    await user.connect();
    assert.ok(await user.isConnected());
    assert.equal(party.asked["/token"], 2);
  });

  test("after it: the connection is there", async (t) => {
    const stage = await openStage(t);
    await stage.user.connect();
    await die(stage);
    assert.ok(await stage.user.isConnected());
  });

  test("while the tokens are given back: the user can do it again, and connect again", async (t) => {
    const stage = await openStage(t);
    const { user, party } = stage;
    await user.connect();
    party.silent = "/revoke";
    await dieDuring(stage, () => user.disconnect(), () => party.asked["/revoke"] === 1);
    party.silent = null;
    assert.equal((await user.disconnect()).json.connected, false);
    assert.ok(!(await user.isConnected()));
    await user.connect();
    assert.ok(await user.isConnected());
  });

  test(`at ${KILLS} random moments`, async (t) => {
    const stage = await openStage(t);
    const { user, party } = stage;
    let ended = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const cut = user.connect().catch(() => null);
      await sleep(Math.random() * 80);
      await die(stage);
      await cut;
      if (await user.isConnected()) ended += 1;
      await user.connect();
      assert.ok(await user.isConnected());
      await user.disconnect();
      assert.ok(!(await user.isConnected()));
    }
    t.diagnostic(`${KILLS} kills: ${ended} connected all the same, ${KILLS - ended} began again, 0 stuck, ${party.exchanged} codes used`);
  });
});

const deepLinks = async (control) => (await control.get("requests")).filter(({ url }) => url.includes("/zoomapp/deeplink")).length;
