// In-client OAuth, every way it can go: the session that began it or another one, the state that came back, the first
// use or a second. The emulator is Zoom; the page's part is done by hand, so that it can be done wrongly.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Caller, decide } from "../lib/in-client.mjs";
import { startApart } from "../lib/processes.mjs";

const STATES = {
  "the right state": (state) => ({ state }),
  "no state": () => ({}),
  "a mangled state": (state) => ({ state: state.replace(/^./, (first) => (first === "A" ? "B" : "A")) }),
};
const SESSIONS = ["the session that began", "another user's session", "another session of the user", "no session"];
const USES = ["the first time", "a second time"];

/** Zoom's event may lack the state; what counts is whose session it is, and that nobody has used the code. */
const SUCCEED = [
  "the session that began, the right state, the first time",
  "the session that began, no state, the first time",
];

/** The gateway and the emulator, and the ids of two users. */
async function openStage(t) {
  const stage = await startApart(t);
  const [user, other] = (await stage.control.get("state")).users.map(({ id }) => id);
  return { stage, user, other };
}

test("exactly the session that began an authorization ends it, once, and not with another state", async (t) => {
  const { stage, user, other } = await openStage(t);

  /** Who brings the code. Whoever has a session has begun an attempt too, so that the attempt is not what is missing. */
  async function bringer(session, began) {
    if (session === "the session that began") return began;
    if (session === "no session") return new Caller(stage.app);
    const caller = await Caller.open(stage, session === "another user's session" ? other : user);
    await caller.begin();
    return caller;
  }

  for (const session of SESSIONS) {
    for (const [state, spoil] of Object.entries(STATES)) {
      for (const use of USES) {
        const cell = `${session}, ${state}, ${use}`;
        await t.test(cell, async () => {
          const began = await Caller.open(stage, user);
          const begun = await began.begin();
          const { code, redirectUri, state: told } = await decide(stage, user, begun);
          assert.equal(told, begun.state);
          if (use === "a second time") {
            assert.equal((await began.post("authorized", { code, redirectUri, state: told })).status, 200);
          }
          const caller = await bringer(session, began);
          await stage.control.forgetRequests();

          const answer = await caller.post("authorized", { code, redirectUri, ...spoil(told) });
          const text = await answer.text();
          const granted = (await stage.control.tokenCalls()).filter(({ status }) => status === 200);
          const succeeds = SUCCEED.includes(cell);
          assert.equal(answer.ok, succeeds, `${answer.status} ${text}`);
          assert.equal(granted.length, succeeds ? 1 : 0);
          if (succeeds) assert.equal(JSON.parse(text).installed, true);
        });
      }
    }
  }
  assert.equal((await (await Caller.open(stage, other)).session()).installed, false);
});

test("a used code does not work in the user's next attempt", async (t) => {
  const { stage, user } = await openStage(t);
  const caller = await Caller.open(stage, user);
  const { code } = await decide(stage, user, await caller.begin());
  assert.equal((await caller.post("authorized", { code })).status, 200);
  const { state } = await caller.begin();
  assert.equal((await caller.post("authorized", { code, state })).ok, false);
});

test("who declines brings no code, and nothing without one is taken", async (t) => {
  const { stage, user } = await openStage(t);
  const caller = await Caller.open(stage, user);
  const begun = await caller.begin();
  const { state, ...event } = await decide(stage, user, begun, "deny");
  assert.equal(event.result, false);
  assert.equal(event.code, undefined);
  assert.equal(state, begun.state);
  for (const body of [{ ...event, state }, { state }, { code: "", state }, { code: null, state }]) {
    assert.equal((await caller.post("authorized", body)).status, 400);
  }
  assert.deepEqual(await stage.control.tokenCalls(), []);
  assert.equal((await caller.session()).installed, false);
});
