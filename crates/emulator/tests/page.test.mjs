// The parts of the emulator's page that need no browser. Run: node --test crates/emulator/tests/
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { offsetText, placeOf } from "../assets/bar.js";
import { readCall } from "../assets/bridge.js";
import { curl } from "../assets/curl.js";
import { outcome, summary } from "../assets/step.js";

/** What a shell hands to curl, one argument each. */
function argumentsOf(command) {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

test("a copied request reaches curl as it was, whatever is in it", () => {
  const nasty = `it's $(touch /tmp/x) \`id\` "quoted" \\ !\n--next`;
  const request = { method: "PUT", url: `http://localhost/?q=${nasty}`, headers: [["x-note", nasty]], body: nasty };
  assert.deepEqual(argumentsOf(curl(request)), [request.url, "-X", "PUT", "-H", `x-note: ${nasty}`, "--data-raw", nasty]);
});

test("a copied request names no method that curl would choose by itself, and no length of the body", () => {
  const headers = [["host", "localhost"], ["content-length", "3"], ["accept", "*/*"]];
  const url = "http://localhost/";
  assert.deepEqual(argumentsOf(curl({ method: "GET", url, headers, body: "" })), [url, "-H", "accept: */*"]);
  assert.deepEqual(argumentsOf(curl({ method: "POST", url, headers: [], body: "a=b" })), [url, "--data-raw", "a=b"]);
});

test("only a call of the SDK counts as one", () => {
  const call = { jsCallId: "id01", apiName: "config", data: { version: "0.16" } };
  assert.deepEqual(readCall(JSON.stringify(call)), call);
  for (const other of ["", "null", "7", "{", "[]", '{"jsCallId":1,"apiName":"config"}', '{"jsCallId":"id"}', call, null, undefined]) {
    assert.equal(readCall(other), null);
  }
});

test("the clock's offset is read as days, hours and minutes", () => {
  const minute = 60_000;
  const told = [[0, "+00:00"], [5 * minute, "+00:05"], [-90 * minute, "−01:30"], [1440 * minute, "+1 day 00:00"], [3000 * minute, "+2 days 02:00"]];
  for (const [ms, text] of told) assert.equal(offsetText(ms), text);
});

test("a place has its topic only where a meeting runs", () => {
  assert.equal(placeOf({ typ: "panel", topic: "left over" }), "Main window");
  assert.equal(placeOf({ typ: "meeting", topic: "Standup" }), "Meeting “Standup”");
  assert.equal(placeOf({ typ: "webinar", topic: null }), "Webinar");
});

test("a flow lasts from its first step to the end of its last, and says what failed", () => {
  const step = (at_ms, took_ms, status = "ok") => ({ at_ms, took_ms, status });
  assert.deepEqual(summary([step(1000, 4), step(1100, null), step(1050, 300)]), { failed: 0, text: "3 steps · 350 ms" });
  assert.deepEqual(summary([step(0, null)]), { failed: 0, text: "1 step · < 1 ms" });
  assert.deepEqual(summary([step(0, 5), step(5, 2500, "failed")]), { failed: 1, text: "1 failed · 2 steps" });
});

test("a step that failed without an answer says so", () => {
  assert.deepEqual(outcome({ status: "failed", http: null, took_ms: null }), { verdict: "failed", took: "" });
  assert.deepEqual(outcome({ status: "ok", http: null, took_ms: 1500 }), { verdict: "", took: "1.5 s" });
  assert.deepEqual(outcome({ status: "ok", http: 302, took_ms: 0 }), { verdict: "302", took: "< 1 ms" });
});
