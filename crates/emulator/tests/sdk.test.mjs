// The stand-in for appssdk.zoom.us speaks the protocol of Zoom's own SDK. Run: node --test crates/emulator/tests/
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import vm from "node:vm";

const here = (path) => new URL(path, import.meta.url);
const script = await readFile(here("../assets/appssdk/sdk.js"), "utf8");
const { steps } = JSON.parse(await readFile(here("vectors/sdk-messages.json"), "utf8"));
const recorded = (name) => steps.find(({ step }) => step.startsWith(name));

/** Runs the script in a window inside `parent`, with call ids that count up as in the recording. */
function open() {
  const posted = [];
  const listeners = [];
  let calls = 0;
  const timers = new Map();
  const parent = { postMessage: (message, targetOrigin) => posted.push({ message, type: typeof message, targetOrigin }) };
  const window = { parent, addEventListener: (_, listener) => listeners.push(listener) };
  const crypto = { getRandomValues: (bytes) => bytes.fill(++calls) };
  const setTimeout = (run, ms) => timers.set(timers.size + 1, { run, ms }).size;
  const clearTimeout = (id) => timers.delete(id);
  vm.runInNewContext(script, { window, crypto, URL, setTimeout, clearTimeout });
  const receive = (data, source = parent) => listeners.forEach((listener) => listener({ data, source }));
  return { sdk: window.zoomSdk, posted, receive, timers, skipIds: (n) => (calls += n) };
}

const config = { capabilities: ["getAppContext", "openUrl", "authorize", "onAuthorized"], popoutSize: { width: 480, height: 360 } };

async function openConfigured() {
  const page = open();
  const { reply_given: reply } = recorded("config");
  const pending = page.sdk.config(config);
  page.receive(reply);
  await pending;
  page.posted.length = 0;
  return page;
}

/** Objects made inside the vm have other prototypes; what matters is what they hold. */
const plain = (value) => JSON.parse(JSON.stringify(value));

const calls = {
  "getRunningContext": (sdk) => sdk.getRunningContext(),
  "getAppContext": (sdk) => sdk.getAppContext(),
  "getAppContext error 10118": (sdk) => sdk.getAppContext(),
  "getUserContext": (sdk) => sdk.getUserContext(),
  "authorize": (sdk) => sdk.authorize({ state: "S", codeChallenge: "C" }),
  "promptAuthorize": (sdk) => sdk.promptAuthorize(),
  "getSupportedJsApis": (sdk) => sdk.getSupportedJsApis(),
  "unknown method -> generic call": (sdk) => sdk.someFutureApi({ a: 1 }),
};

test("a call before config is refused and posts nothing", async () => {
  const { sdk, posted } = open();
  const { message } = recorded("getAppContext before config").outcome.rejected;
  await assert.rejects(sdk.getAppContext(), { message });
  assert.deepEqual(posted, []);
});

test("config posts what the recording posts and resolves to the client's answer", async () => {
  const { sdk, posted, receive } = open();
  const step = recorded("config");
  const pending = sdk.config(config);
  assert.deepEqual(posted, step.posted);
  receive(step.reply_given);
  assert.deepEqual(plain(await pending), step.outcome.resolved);
});

for (const [name, run] of Object.entries(calls)) {
  test(`${name} behaves as recorded`, async () => {
    const step = steps.find((each) => each.step === name);
    const { sdk, posted, receive, skipIds } = await openConfigured();
    skipIds(Number.parseInt(step.reply_given.data.jsCallId.slice(-2), 16) - 2);
    const pending = run(sdk);
    assert.deepEqual(posted, step.posted);
    receive(step.reply_given);
    if (step.outcome.resolved) {
      assert.deepEqual(plain(await pending), step.outcome.resolved);
    } else {
      const { name: kind, message, code, requestId } = step.outcome.rejected;
      await assert.rejects(pending, { name: kind, message, code, requestId });
    }
  });
}

test("openUrl resolves without waiting for an answer", async () => {
  const step = recorded("openUrl (resolves");
  const { sdk, posted, timers, skipIds } = await openConfigured();
  skipIds(6);
  const answer = await sdk.openUrl({ url: "https://example.com/login" });
  assert.deepEqual(plain(answer), step.outcome.resolved);
  assert.deepEqual(posted, step.posted);
  assert.equal(timers.size, 0);
});

test("openUrl refuses what is not a URL and posts nothing", async () => {
  const { sdk, posted } = await openConfigured();
  const { name, message } = recorded("openUrl with invalid url").outcome.rejected;
  await assert.rejects(sdk.openUrl({ url: "login" }), { name, message });
  assert.deepEqual(posted, []);
});

test("a call that nobody answers fails after ten seconds and a late answer is ignored", async () => {
  const { sdk, receive, timers } = await openConfigured();
  const pending = sdk.getUserContext();
  const [[, { run, ms }]] = timers;
  assert.equal(ms, 10_000);
  run();
  await assert.rejects(pending, {
    message: `getUserContext took longer than 10000ms to respond.\n requestId: id${"02".repeat(16)}`,
  });
  receive({ type: "apiResponse", data: { jsCallId: `id${"02".repeat(16)}`, result: {} } });
});

test("events reach their handlers in order until these are removed", async () => {
  const { sdk, receive } = await openConfigured();
  const seen = [];
  const first = (data) => seen.push(["first", data.state]);
  sdk.addEventListener("onAuthorized", first);
  sdk.onAuthorized((data) => seen.push(["second", data.state]));
  receive({ type: "event", name: "onAuthorized", data: { state: "S" } });
  sdk.removeEventListener("onAuthorized", first);
  receive({ type: "event", name: "onAuthorized", data: { state: "T" } });
  assert.deepEqual(seen, [["first", "S"], ["second", "S"], ["second", "T"]]);
});

test("messages of other windows, and text instead of objects, are ignored", async () => {
  const { sdk, receive } = await openConfigured();
  let seen = 0;
  sdk.onAuthorized(() => (seen += 1));
  receive({ type: "event", name: "onAuthorized", data: { code: "EVIL" } }, {});
  receive('{"type":"event","name":"onAuthorized","data":{}}');
  receive(null);
  assert.equal(seen, 0);
});

test("the SDK object can be awaited like any other", async () => {
  const { sdk } = open();
  assert.equal(await sdk, sdk);
});
