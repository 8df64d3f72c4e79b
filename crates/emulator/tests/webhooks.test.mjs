// The webhook parts of the emulator's page that need no browser. Run: node --test crates/emulator/tests/
import assert from "node:assert/strict";
import { test } from "node:test";

import { lastAttempt, timeLeft } from "../assets/deliveries.js";
import { order } from "../assets/trigger.js";
import { told } from "../assets/webhooks.js";

const HOUR = 3_600_000;

test("an event whose body nobody changed is asked for by its name alone, so that its times are of the moment", () => {
  assert.deepEqual(order("meeting.started", "{}", "{}"), { event: "meeting.started" });
});

test("a changed body is sent as it was written, members beside the payload included", () => {
  const body = { event: "recording.completed", event_ts: 5, download_token: "t", payload: { object: { id: 1 } } };
  const wanted = { event: "recording.completed", payload: body.payload, set: { event_ts: 5, download_token: "t" } };
  assert.deepEqual(order("meeting.started", "{}", JSON.stringify(body)), wanted);
});

test("what is no body is not sent", () => {
  for (const text of ["", "{", "[]", "null", "7", '{"event":"x"}', '{"payload":{}}', '{"event":1,"payload":{}}']) {
    assert.throws(() => order("meeting.started", "{}", text), Error, text);
  }
});

test("the time left is told in the largest unit that fits", () => {
  const told = [[-5, "now"], [999, "now"], [1000, "in 1 s"], [5 * 60_000, "in 5 min"], [HOUR, "in 1 h"], [72 * HOUR, "in 3 days"], [24 * HOUR, "in 1 day"]];
  for (const [ms, text] of told) assert.equal(timeLeft(ms), text);
});

test("a delivery tells how its last attempt ended", () => {
  assert.equal(lastAttempt({ attempts: [] }), "");
  assert.equal(lastAttempt({ attempts: [{ http: 500, took_ms: 3 }, { http: null, took_ms: 3000 }] }), "no answer · 3.0 s");
});

test("a subscription tells whether Zoom sends events, and when it validates the URL again", () => {
  const subscription = { health: "valid", failures: 0, sentence: null, next_validation_ms: 72 * HOUR };
  assert.deepEqual(told(subscription, 0), { word: "valid", says: "Zoom validates it again in 3 days." });
  const failing = told({ ...subscription, failures: 2, sentence: "It failed." }, 0);
  assert.deepEqual(failing, { word: "failing", says: "It failed. 2 of 6 failures in a row. Zoom validates it again in 3 days." });
  assert.equal(told({ ...subscription, health: "disabled", sentence: "It failed." }, 0).word, "disabled");
  assert.match(told({ ...subscription, health: "unset" }, 0).says, /once the app has a webhook URL/);
});
