// The module against a stand-in for the page around it: an SDK, a server, and a clock that the test moves.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const ORIGIN = "https://app.example.com";
const source = await readFile(new URL("client.js", import.meta.url), "utf8");
let copies = 0;

/** A fresh copy of the module: each page load has its own. */
const load = () => import(`./client.js?${(copies += 1)}`);

/** A server that keeps one session, and a browser that keeps its cookie or does not. */
class Server {
  constructor({ cookies = true, session = null } = {}) {
    Object.assign(this, { cookies, cookie: session, calls: [], nextUser: "ada", answers: {} });
  }

  fetch = async (url, { method = "GET", headers, body } = {}) => {
    const path = new URL(url).pathname;
    this.calls.push(`${method} ${path}`);
    this.last = { method, headers, body: body && JSON.parse(body) };
    const [status, answer] = this.answers[path]?.(this.last) ?? this.answer(path, headers);
    return new Response(JSON.stringify(answer), { status, headers: { date: new Date().toUTCString() } });
  };

  answer(path, headers) {
    const bearer = headers.get("authorization");
    if (path === "/zoom/context") {
      const short = headers.get("x-stagedoor-session") === "bearer";
      const session = told(this.nextUser, short ? 600 : 3600);
      if (this.cookies && !short) this.cookie = session;
      return [200, short ? { ...session, bearer: "lent" } : session];
    }
    const session = bearer === "Bearer lent" ? told(this.nextUser, 600) : this.cookie;
    return session ? [200, session] : [401, { code: "session_required", detail: "Open the app in Zoom." }];
  }

  count(call) {
    return this.calls.filter((each) => each === call).length;
  }
}

const told = (user, seconds, more) => ({
  user: user && { id: user, name: null },
  surface: "pwa",
  installed: false,
  expiresAt: new Date(Date.now() + seconds * 1000).toISOString(),
  ...more,
});

/** Zoom's SDK as far as the module calls it. */
class Sdk extends EventTarget {
  calls = [];
  status = "authorized";
  listeners = new Map();
  config = async (options) => {
    this.calls.push("config");
    this.options = options;
    return { runningContext: "inContactCenter", unsupportedApis: this.unsupported ?? [] };
  };
  getAppContext = async () => (this.calls.push("getAppContext"), { context: "context" });
  getUserContext = async () => ({ status: this.status });
  promptAuthorize = async () => void this.calls.push("promptAuthorize");
  openUrl = async ({ url }) => void this.calls.push(`openUrl ${url}`);
  authorize = async (what) => {
    this.authorized = what;
    queueMicrotask(() => this.say("onAuthorized", this.event ?? { result: true, code: "code", state: what.state }));
  };
  addEventListener = (name, handler) => this.listeners.set(name, handler);
  removeEventListener = (name) => this.listeners.delete(name);
  say = (name, event) => this.listeners.get(name)?.(event);
}

/** Puts a page around the module. */
function page(t, { sdk = new Sdk(), server = new Server() } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_795_000_000_000 });
  const document = new EventTarget();
  const location = { href: `${ORIGIN}/`, assign: (url) => (location.went = url) };
  Object.assign(globalThis, { zoomSdk: sdk ?? undefined, fetch: server.fetch, document, location });
  return { sdk, server, document, location };
}

const settle = async () => {
  for (let turn = 0; turn < 30; turn += 1) await null;
  await new Promise((resolve) => setImmediate(resolve));
};
const options = { prefix: "/zoom" };

test("compressed it is no more than four KiB", () => {
  assert.ok(gzipSync(source, { level: 9 }).length <= 4096);
});

test("in the web client the context becomes a session", async (t) => {
  const { sdk, server } = page(t);
  const { start } = await load();
  const session = await start({ ...options, capabilities: ["getMeetingContext"] });
  assert.equal(session.user.id, "ada");
  assert.equal(session.runningContext, "inContactCenter");
  assert.equal(session.sdk, sdk);
  assert.ok(["getMeetingContext", "getAppContext", "authorize"].every((name) => sdk.options.capabilities.includes(name)));
  assert.equal("prefix" in sdk.options, false);
  assert.equal(server.count("GET /zoom/context"), 1);
});

test("in the desktop client the session of the launch is enough", async (t) => {
  const { sdk, server } = page(t, { server: new Server({ session: told("ada", 86_400, { surface: "client" }) }) });
  const { start } = await load();
  assert.equal((await start(options)).surface, "client");
  assert.deepEqual(server.calls, ["GET /zoom/session"]);
  assert.deepEqual(sdk.calls, ["config"]);
});

test("outside Zoom it says to open Zoom", async (t) => {
  page(t, { sdk: null });
  const { start } = await load();
  await assert.rejects(start(options), { code: "outside_zoom", message: "Open this app in Zoom." });
});

test("a refused context rejects with the code of the server", async (t) => {
  const { server } = page(t);
  server.answers["/zoom/context"] = () => [403, { code: "context_expired", detail: "This launch is too old." }];
  const { start } = await load();
  await assert.rejects(start(options), { code: "context_expired", message: "This launch is too old." });
});

test("whoever is signed in to Zoom now is the user, whatever the cookie says", async (t) => {
  const { server } = page(t, { server: new Server({ session: told("shift-before", 3000) }) });
  const { start } = await load();
  assert.equal((await start(options)).user.id, "ada");
  assert.equal(server.count("GET /zoom/context"), 1);
});

test("a session of the web client is renewed before it ends", async (t) => {
  const { server } = page(t);
  const { start, on } = await load();
  const first = await start(options);
  const seen = [];
  on("session", (session) => seen.push(session.expiresAt));
  t.mock.timers.tick(3_299_000);
  await settle();
  assert.equal(server.count("GET /zoom/context"), 1);
  t.mock.timers.tick(1_000);
  await settle();
  assert.equal(server.count("GET /zoom/context"), 2);
  assert.ok(seen.length === 1 && seen[0] > first.expiresAt);
});

test("a renewal that fails is tried again, and the session goes on", async (t) => {
  const { server } = page(t);
  const { start } = await load();
  await start(options);
  server.answers["/zoom/context"] = () => [503, {}];
  t.mock.timers.tick(3_300_000);
  await settle();
  delete server.answers["/zoom/context"];
  t.mock.timers.tick(15_000);
  await settle();
  assert.equal(server.count("GET /zoom/context"), 3);
});

test("a page that was asleep renews before its next call", async (t) => {
  const { server } = page(t);
  const { start, api } = await load();
  await start(options);
  t.mock.timers.setTime(Date.now() + 7_200_000);
  server.calls.length = 0;
  await api("/v2/users/me");
  assert.deepEqual(server.calls, ["GET /zoom/context", "GET /zoom/api/v2/users/me"]);
});

test("where cookies are blocked the session is kept in memory", async (t) => {
  const { server } = page(t, { server: new Server({ cookies: false }) });
  const { start, request } = await load();
  const session = await start(options);
  assert.equal(session.user.id, "ada");
  assert.equal("bearer" in session, false);
  await request("/data", { headers: { accept: "text/plain" } });
  assert.equal(server.last.headers.get("authorization"), "Bearer lent");
  assert.equal(server.last.headers.get("accept"), "text/plain");
  t.mock.timers.tick(300_000);
  await settle();
  assert.equal(server.count("GET /zoom/context"), 3, "renewed in the middle of its ten minutes");
});

test("a page that cannot live without cookies is told", async (t) => {
  page(t, { server: new Server({ cookies: false }) });
  const { start } = await load();
  await assert.rejects(start({ ...options, bearer: false }), { code: "cookies_blocked" });
});

test("a bearer goes to the app's own origin only", async (t) => {
  page(t, { server: new Server({ cookies: false }) });
  const { start, api, request } = await load();
  await start(options);
  await assert.rejects(request("https://evil.example/"), TypeError);
  for (const path of ["/../session", "https://evil.example", ".evil.example/", "/../../x"]) {
    await assert.rejects(api(path), TypeError, path);
  }
});

test("a call of Zoom's API goes out as it was meant, with the session and nothing of Zoom's", async (t) => {
  const { server } = page(t, { server: new Server({ cookies: false }) });
  const { start, api } = await load();
  await start(options);
  const uuid = encodeURIComponent(encodeURIComponent("/ajXp112QmuoKj4854875=="));
  await api(`/v2/past_meetings/${uuid}/participants?page_size=3`);
  assert.equal(server.calls.at(-1), `GET /zoom/api/v2/past_meetings/${uuid}/participants`);
  const answer = await api("/v2/users/me/meetings", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ topic: "Analysis" }),
  });
  assert.ok(answer instanceof Response, "as fetch gives it");
  assert.equal(server.calls.at(-1), "POST /zoom/api/v2/users/me/meetings");
  assert.deepEqual(server.last.body, { topic: "Analysis" });
  assert.equal(server.last.headers.get("authorization"), "Bearer lent");
  assert.equal(server.last.headers.get("content-type"), "application/json");
});

test("a refusal of Zoom's API is an answer, not an exception", async (t) => {
  const { server } = page(t);
  const { start, api } = await load();
  await start(options);
  server.answers["/zoom/api/v2/users/me"] = () => [403, { code: "needs_reauth", install: `${ORIGIN}/zoom/install` }];
  const answer = await api("/v2/users/me");
  assert.deepEqual([answer.status, (await answer.json()).code], [403, "needs_reauth"]);
});

test("installing inside Zoom ends with a session that is installed", async (t) => {
  const { sdk, server } = page(t);
  const { start, install, on } = await load();
  await start(options);
  const seen = [];
  on("session", ({ installed }) => seen.push(installed));
  server.answers["/zoom/authorize"] = () => [200, { codeChallenge: "challenge", state: "state" }];
  server.answers["/zoom/authorized"] = () => [200, told("ada", 3600, { installed: true })];
  sdk.event = { result: true, code: "code", redirectUri: `${ORIGIN}/`, state: "state", timestamp: 1 };
  assert.equal((await install()).installed, true);
  assert.deepEqual(sdk.authorized, { codeChallenge: "challenge", state: "state" });
  assert.deepEqual(server.last.body, { code: "code", redirectUri: `${ORIGIN}/`, state: "state" });
  assert.deepEqual(seen, [true]);
});

test("a guest who adds the app is the user, whichever event comes first", async (t) => {
  const { sdk, server } = page(t);
  server.nextUser = null;
  const { start, install } = await load();
  await start(options);
  server.nextUser = "ada";
  server.answers["/zoom/authorize"] = () => [200, { codeChallenge: "challenge", state: "state" }];
  server.answers["/zoom/authorized"] = () => [200, (server.cookie = told("ada", 3600, { installed: true }))];
  sdk.authorize = async () => {
    sdk.say("onMyUserContextChange", { status: "authorized" });
    await settle();
    assert.equal(server.count("GET /zoom/context"), 1, "the guest's session stays until its authorization has ended");
    sdk.say("onAuthorized", { result: true, code: "code" });
  };
  assert.equal((await install()).user.id, "ada");
  await settle();
  assert.equal(server.count("GET /zoom/context"), 2);
});

test("a user who says no is not installed", async (t) => {
  const { sdk, server } = page(t);
  const { start, install } = await load();
  await start(options);
  server.answers["/zoom/authorize"] = () => [200, { codeChallenge: "challenge", state: "state" }];
  sdk.event = { result: false };
  await assert.rejects(install(), { code: "declined" });
  assert.equal(server.count("POST /zoom/authorized"), 0);
});

test("a client without in-client OAuth opens the browser", async (t) => {
  const { sdk } = page(t);
  sdk.unsupported = ["authorize"];
  const { start, install } = await load();
  await start(options);
  await install();
  assert.equal(sdk.calls.at(-1), `openUrl ${ORIGIN}/zoom/install`);
});

test("in a browser installing goes to Zoom's pages", async (t) => {
  const { location } = page(t, { sdk: null, server: new Server({ session: told(null, 60) }) });
  const { start, install } = await load();
  await start(options);
  await install();
  assert.equal(location.went, `${ORIGIN}/zoom/install`);
});

test("who has to add the app again comes back to the same screen", async (t) => {
  const { location } = page(t, { sdk: null, server: new Server({ session: told("ada", 60, { reauthorize: true }) }) });
  const { start, install } = await load();
  await start(options);
  location.href = `${ORIGIN}/meetings/5?tab=notes#top`;
  await install();
  assert.equal(new URL(location.went).searchParams.get("return"), "/meetings/5?tab=notes");
});

test("a guest signs in and is the user without a reload", async (t) => {
  const { sdk, server } = page(t);
  server.nextUser = null;
  sdk.status = "unauthenticated";
  const { start, install, on } = await load();
  assert.equal((await start(options)).user, null);
  const seen = [];
  const off = on("session", ({ user }) => seen.push(user?.id));
  await install();
  assert.equal(sdk.calls.at(-1), "promptAuthorize");
  server.nextUser = "ada";
  sdk.say("onMyUserContextChange", { status: "authorized" });
  await settle();
  off();
  assert.deepEqual(seen, ["ada"]);
  assert.equal(sdk.calls.filter((call) => call === "config").length, 2, "Zoom wants a new config");
});

test("events of Zoom's are heard across interruptions, and no more once that is ended", async (t) => {
  page(t, { sdk: null, server: new Server({ session: told("ada", 3600) }) });
  const [asked, heard] = [[], []];
  const frame = (id, name) => `id: ${id}\ndata: {"event":"${name}"}\n\n`;
  // In parts that end anywhere, as the wire brings them.
  const parts = [
    ["retry: 2000\n\n: \n\nid: 01\nda", 'ta: {"event":"one"}\n', "\nid: 02\n"],
    [`${frame("02", "two")}${frame("03", "three")}`],
    [frame("04", "four")],
  ];
  globalThis.fetch = async (url, { headers }) => {
    asked.push(headers.get("last-event-id"));
    const bodies = parts.shift() ?? [];
    const body = new ReadableStream({
      start(stream) {
        bodies.forEach((part) => stream.enqueue(new TextEncoder().encode(part)));
        stream.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const { events } = await load();
  const end = events(({ event }) => {
    heard.push(event);
    if (event === "three") end();
  });
  for (let round = 0; round < 3; round += 1) {
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(2_000);
  }
  assert.deepEqual(heard, ["one", "two", "three"]);
  assert.deepEqual(asked, [null, "01"]);
});

test("where events go to the app's server the page does not ask again", async (t) => {
  page(t, { sdk: null, server: new Server({ session: told("ada", 3600) }) });
  let asked = 0;
  globalThis.fetch = async () => ((asked += 1), new Response("{}", { status: 404 }));
  const { events } = await load();
  events(() => assert.fail("there is nothing to hear"));
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(60_000);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked, 1);
});

/** The page of a user who has added the app, and a provider whose states come one after the other. */
async function connecting(t, ...states) {
  const { sdk, server } = page(t);
  const client = await load();
  await client.start(options);
  server.answers["/zoom/connect/acme"] = ({ method }) =>
    method === "POST" ? [200, { authorizeUrl: "https://acme.example/authorize" }] : [200, states.shift()];
  return { ...client, sdk, server };
}

/** Lets the page look at its state as often as there is something to see. */
async function look(t, times) {
  for (let time = 0; time < times; time += 1) {
    await settle();
    t.mock.timers.tick(5_000);
  }
  await settle();
}

test("a third party is connected in the external browser", async (t) => {
  const pending = { connected: false, attempt: "pending" };
  const { connect, on, sdk, server } = await connecting(t, pending, pending, { connected: true, attempt: null });
  server.cookie = told("ada", 3600, { connections: [{ provider: "acme", account: "ada@acme.example" }] });
  const seen = [];
  on("session", (session) => seen.push(session));
  const connected = connect("acme");
  await look(t, 3);
  assert.equal((await connected).connections[0].account, "ada@acme.example");
  assert.equal(seen.at(-1).connections.length, 1);
  assert.ok(sdk.calls.includes("openUrl https://acme.example/authorize"));
  assert.equal(server.count("GET /zoom/connect/acme"), 3);
});

test("a sign-in that comes to nothing rejects with what became of it", async (t) => {
  for (const [attempt, code] of [["declined", "declined"], ["failed", "failed"], [null, "expired"]]) {
    await t.test(code, async (t) => {
      const { connect } = await connecting(t, { connected: false, attempt });
      const refused = assert.rejects(connect("acme"), { code });
      await look(t, 1);
      await refused;
    });
  }
});

test("who has not added the app is told before a browser opens", async (t) => {
  const { connect, sdk, server } = await connecting(t);
  server.answers["/zoom/connect/acme"] = () => [409, { code: "install_required", detail: "Add the app first." }];
  await assert.rejects(connect("acme"), { code: "install_required" });
  assert.ok(!sdk.calls.some((call) => call.startsWith("openUrl")));
});

test("a connection is ended", async (t) => {
  const { disconnect, server } = await connecting(t);
  server.answers["/zoom/connect/acme"] = () => [200, { provider: "acme", connected: false, revoked: true }];
  server.cookie = told("ada", 3600, { connections: [] });
  assert.deepEqual((await disconnect("acme")).connections, []);
  assert.equal(server.count("DELETE /zoom/connect/acme"), 1);
});
