// A hostile page beside the app, in the same browser: on another origin than Zoom's web client, but of the same site, so
// that the partitioned session cookie of the app comes along with everything it sends. Nothing it tries may change
// anything, and everything it tries must have been tried: the gateway's log or the browser says so.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, serveRealSdk } from "../lib/browser.mjs";
import { Caller, decide, decideIn } from "../lib/in-client.mjs";
import { startDev } from "../lib/processes.mjs";
import { startServer } from "../lib/server.mjs";
import { until } from "../lib/waiting.mjs";

const PAGE = `<!doctype html><title>App</title><p>The app.</p><script src="https://appssdk.zoom.us/sdk.js"></script>`;

/** A server of one page that keeps what it is asked. */
async function servePage(t, name, page) {
  const answer = (request, response) => {
    server.asked.push(request);
    response.writeHead(200, { "content-type": "text/html" }).end(page);
  };
  const server = await startServer(t, answer, name);
  server.asked = [];
  server.on("upgrade", (request, socket) => {
    server.asked.push(request);
    socket.destroy();
  });
  return server;
}

/** A user with the app open in the web client, an attacker with the app of their own, and the attacker's page. */
async function openStage(t, { sdk = "stand-in" } = {}) {
  const upstream = await servePage(t, "localhost", PAGE);
  const evil = await servePage(t, "127.0.0.1", "<!doctype html><title>Prizes</title>");
  const stage = await startDev(t, "--verbose", "--upstream", upstream.origin);
  const { control } = stage;
  await control.put("sdk", { mode: sdk });
  const [victim, attacker] = (await control.get("state")).users.map(({ id }) => id);

  const own = await Caller.open(stage, attacker);
  const { code } = await decide(stage, attacker, await own.begin());
  const { context } = await control.post("context", { user: attacker });
  await control.put("user", { id: victim });

  const page = await openBrowser(t);
  // Only where it is needed: a browser whose requests are answered by the test asks no server before it sends JSON.
  if (sdk === "zoom") await serveRealSdk(page);
  await control.post("launch", { surface: "web" });
  await page.goto(stage.webClient);
  const frame = await appIn(page, stage);
  const hostile = await page.context().newPage();
  hostile.said = [];
  hostile.on("console", (message) => hostile.said.push(message.text()));
  await hostile.goto(evil.origin);
  return { ...stage, upstream, evil, victim, attacker, code, context, page, frame, hostile };
}

/** The app's frame in the web client, when the app is up in it. */
async function appIn(page, { webFrame }) {
  await page.frameLocator('iframe[title="Your app in the Zoom web client"]').getByText("The app.").waitFor();
  return page.frames().find((each) => each.url().startsWith(webFrame));
}

const sessionIn = (frame) => frame.evaluate(async () => (await fetch("/zoom/session")).json());
const beginIn = (frame) =>
  frame.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    return (await fetch("/zoom/authorize", { method: "POST", headers, body: "{}" })).json();
  });

// What the hostile page runs. `at` is the address, `body` what it sends.

const byForm = ({ at, body, type }) => {
  const name = `f${Math.random()}`;
  const frame = Object.assign(document.createElement("iframe"), { name });
  const form = Object.assign(document.createElement("form"), { method: "POST", action: at, target: name, enctype: type });
  // The browser puts a "=" between name and value; a text/plain body is JSON all the same.
  const [field, value] = type === "text/plain" ? [`${body.slice(0, -1)}${body === "{}" ? "" : ","}"x":"`, '"}'] : ["a", "b"];
  form.append(Object.assign(document.createElement("input"), { name: field, value }));
  document.body.append(frame, form);
  form.submit();
};
const byFetch = ({ at, body }) => void fetch(at, { method: "POST", mode: "no-cors", credentials: "include", body }).catch(() => {});
const byBeacon = ({ at, body }) => navigator.sendBeacon(at, body);
const byPreflight = ({ at, body }) =>
  void fetch(at, { method: "POST", credentials: "include", headers: { "content-type": "application/json" }, body }).catch(() => {});
const byPlainGet = ({ at }) => void fetch(at, { mode: "no-cors", credentials: "include" }).catch(() => {});
const byImage = ({ at }) => void (new Image().src = at);
const byFrame = ({ at }) => document.body.append(Object.assign(document.createElement("iframe"), { src: at }));
const byWindow = ({ at }) => void window.open(at, "_blank", "noopener");
const byHeader = ({ at, context }) =>
  void fetch(at, { credentials: "include", headers: { "x-stagedoor-context": context } }).catch(() => {});
const bySocket = ({ at }) => void new WebSocket(at.replace("http", "ws"));

/** Every attempt: how, where, and what the gateway logs of it. */
function attempts({ app, code, context }) {
  const finish = JSON.stringify({ code });
  const urlencoded = "application/x-www-form-urlencoded";
  const places = [["authorize", "/zoom/authorize", "{}"], ["authorized", "/zoom/authorized", finish], ["app", "/orders", '{"buy":1}']];
  const each = places.flatMap(([route, path, body]) => [
    ["a form", byForm, { at: app + path, body, type: urlencoded }, `POST ${route} 403`],
    ["a form with JSON as text", byForm, { at: app + path, body, type: "text/plain" }, `POST ${route} 403`],
    ["a fetch without CORS", byFetch, { at: app + path, body }, `POST ${route} 403`],
    ["a beacon", byBeacon, { at: app + path, body }, `POST ${route} 403`],
  ]);
  const login = `${app}/zoom/context?context=${encodeURIComponent(context)}`;
  return [
    ...each,
    ["a fetch of JSON, which asks first,", byPreflight, { at: `${app}/zoom/authorized`, body: finish }, "OPTIONS authorized 405"],
    ["an image", byImage, { at: `${app}/zoom/authorize` }, "GET authorize 405"],
    ["the attacker's login by fetch", byPlainGet, { at: login }, "GET context 403"],
    ["the attacker's login by image", byImage, { at: login }, "GET context 403"],
    ["the attacker's login by frame", byFrame, { at: login }, "GET context 403"],
    ["the attacker's login by window", byWindow, { at: login }, "GET context 403"],
    ["the attacker's login by header", byHeader, { at: `${app}/zoom/context`, context }, "OPTIONS context 405"],
    ["a WebSocket", bySocket, { at: `${app}/live` }, "GET app 403"],
  ];
}

/** What the gateway has logged since, as `POST authorize 403`. */
const logged = (dev, since) =>
  [...dev.output.slice(since).matchAll(/method="?(\w+)"? route="?(\w+)"?(?: path="[^"]*")? status=(\d+)/g)].map(([, ...words]) => words.join(" "));

test("requests from a hostile page change nothing", async (t) => {
  const stage = await openStage(t);
  const { dev, app, control, upstream, hostile, frame, victim } = stage;
  const before = await sessionIn(frame);
  assert.equal(before.user.id, victim);
  assert.equal(before.installed, false);

  // Reading is open to all, and shows that the cookie does come along: the app is told whose request it is.
  await hostile.evaluate(byImage, { at: `${app}/seen.png` });
  const seen = await until("the image", () => upstream.asked.find(({ url }) => url === "/seen.png"));
  assert.ok(seen.rawHeaders.includes(victim), "the hostile request has the user's session");

  // An attempt of the user's own is open. Whatever begins or ends one in this session would spoil it.
  const begun = await beginIn(frame);
  upstream.asked.length = 0;
  await control.forgetRequests();
  for (const [how, run, what, expected] of attempts(stage)) {
    await t.test(`${how} to ${new URL(what.at).pathname} is refused`, async () => {
      const since = dev.output.length;
      await hostile.evaluate(run, what);
      await until(() => `${expected}; but ${dev.output.slice(since)}`, () => logged(dev, since).includes(expected));
      assert.deepEqual(await sessionIn(frame), before);
    });
  }
  assert.deepEqual(upstream.asked.filter(({ method, headers }) => method !== "GET" || headers.upgrade).map(({ url }) => url), []);
  assert.deepEqual(await control.tokenCalls(), []);
  assert.deepEqual((await stage.control.get("state")).user, victim);

  const { view } = (await control.get("state")).view;
  const { code, state } = await decideIn(stage, view, begun);
  const added = await frame.evaluate(async (event) => {
    const headers = { "content-type": "application/json" };
    return (await fetch("/zoom/authorized", { method: "POST", headers, body: JSON.stringify(event) })).json();
  }, { code, state });
  assert.equal(added.installed, true, "the user's own attempt was left alone");
});

test("the browser does not show the app in a frame of an origin that is not Zoom's", async (t) => {
  const { dev, app, hostile } = await openStage(t);
  const since = dev.output.length;
  await hostile.evaluate(byFrame, { at: `${app}/` });
  await until("the frame's request", () => logged(dev, since).includes("GET app 200"));
  await until("the browser's refusal", () => hostile.said.some((line) => line.includes("frame-ancestors")));
  const framed = hostile.frames().find((each) => each !== hostile.mainFrame());
  assert.ok(!framed.url().startsWith(app), framed.url());
});

test("forged messages of the SDK add nothing, though the SDK takes them from any window", async (t) => {
  const stage = await openStage(t, { sdk: "zoom" });
  const { dev, control, evil, victim, attacker, code, hostile, webClient } = stage;
  const opened = hostile.waitForEvent("popup");
  await hostile.evaluate((at) => void (window.victim = window.open(at)), webClient);
  const frame = await appIn(await opened, stage);
  const before = await frame.evaluate(async () => {
    window.heard = [];
    window.taken = [];
    addEventListener("message", ({ origin, data }) => window.heard.push(`${origin} ${data?.name ?? data?.type}`));
    window.stagedoor = await import("/zoom/client.js");
    const { sdk, ...session } = await window.stagedoor.start();
    sdk.addEventListener("onAuthorized", ({ code }) => window.taken.push(code));
    return session;
  });
  assert.equal(before.user.id, victim);
  await control.forgetRequests();
  const forge = async (message) => {
    await frame.evaluate(() => void (window.heard.length = 0));
    await hostile.evaluate((forged) => window.victim.frames[0].postMessage(forged, "*"), message);
    const expected = `${evil.origin} ${message.name ?? message.type}`;
    await frame.waitForFunction((line) => window.heard.includes(line), expected);
  };
  const authorized = { type: "event", name: "onAuthorized", data: { result: true, code, timestamp: 1 } };

  await forge(authorized);
  await frame.waitForFunction((forged) => window.taken.includes(forged), code);
  await forge({ type: "apiResponse", data: { jsCallId: "id1", result: { context: stage.context } } });
  const since = dev.output.length;
  await forge({ type: "event", name: "onMyUserContextChange", data: { status: "authorized" } });
  // It makes the page hand over what Zoom's client gives it, which is the user's own context.
  await until("the context", () => logged(dev, since).includes("GET context 200"));
  assert.equal((await sessionIn(frame)).user.id, victim);
  assert.deepEqual(await control.tokenCalls(), [], "nobody waited for a code");

  // Now the page waits for the user's consent, and takes the attacker's code for the answer.
  await control.call("DELETE", "steps");
  const install = frame.evaluate(() => window.stagedoor.install().then(() => "added", ({ code }) => code));
  await until("the question", async () => (await control.get("steps")).some(({ arrow }) => arrow === "authorize()"));
  await forge(authorized);
  assert.notEqual(await install, "added");
  const [exchange, ...more] = await control.tokenCalls();
  assert.equal(exchange.status, 400, "Zoom refuses: the code was made for another verifier");
  assert.deepEqual(more, []);
  const after = await sessionIn(frame);
  assert.deepEqual([after.user.id, after.installed], [victim, false]);
  assert.equal((await (await Caller.open(stage, attacker)).session()).installed, false);
});
