// `stagedoor dev` in the web client: an app that was written for the desktop client, without a line of code for the PWA,
// runs there; a guest becomes a user in place; and the app is added inside the client.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, picture, serveRealSdk, theApp, theAppInTheWebClient } from "../lib/browser.mjs";
import { startDev } from "../lib/processes.mjs";
import { until } from "../lib/waiting.mjs";

const ADA = "7lVvQmTkRwGfQmX2yq1BzA";

/** `stagedoor dev`, and a browser at the web client with the app open. */
async function openApp(t, { persona = "agent", cookies = "allow", sdk = "stand-in" } = {}) {
  const dev = await startDev(t);
  await dev.control.put("cookies", { third_party: cookies });
  await dev.control.put("sdk", { mode: sdk });
  const page = await openBrowser(t);
  if (sdk === "zoom") await serveRealSdk(page);
  await page.goto(dev.webClient);
  const open = page.getByRole("button", { name: "Open Sample app" });
  await open.waitFor();
  // Choosing somebody else opens the app; the one who sits there already opens it by the button.
  const seat = page.getByLabel("Open as");
  if ((await seat.inputValue()) === persona) await open.click();
  else await seat.selectOption(persona);
  const frame = () => page.frames().find((each) => each.url().startsWith(dev.webFrame));
  return { ...dev, page, app: theAppInTheWebClient(page), frame };
}

/** Stagedoor's `client.js`, run in the app's page as an app would run it. */
const withClient = (frame, run) => frame().evaluate(`import("/zoom/client.js").then(async (stagedoor) => (${run})(stagedoor))`);

const lastLaunch = async (control) => {
  const steps = await control.get("steps");
  return steps.filter(({ flow }) => flow === steps.at(-1)?.flow);
};

/** Waits until the last launch has come to these steps, and no further. */
async function arrows(control, expected) {
  let seen = [];
  const look = async () => (seen = (await lastLaunch(control)).map(({ arrow }) => arrow));
  await until(() => `${expected}; but ${seen}`, async () => (await look()).length >= expected.length);
  assert.deepEqual(await look(), expected);
}

for (const cookies of ["allow", "partitioned-only"]) {
  test(`the sample app has a session in the web client that survives a reload, third-party cookies: ${cookies}`, async (t) => {
    const { control, page, app, frame } = await openApp(t, { cookies });
    await app.getByText("the web client").waitFor();
    await app.getByText(ADA).waitFor();
    await app.getByText("inContactCenter").waitFor();
    await picture(page, `20-sample-${cookies}`);
    const { view } = await control.get("state");
    assert.deepEqual(view.checks.filter(({ ok }) => !ok), []);
    assert.equal(view.blank, null);
    // The boot page hands the first context over, and `client.js` a fresh one, because agents share browsers.
    const opened = ["GET /", "GET /zoom/context", "GET /", "GET /zoom/context"];
    await arrows(control, opened);
    await frame().evaluate(() => void setTimeout(() => location.reload()));
    await arrows(control, [...opened, "GET /", "GET /zoom/context"]);
    await app.getByText("the web client").waitFor();
    assert.deepEqual((await control.get("steps")).filter(({ status }) => status === "failed"), []);
  });
}

test("the real SDK from npm brings the app up just as well", async (t) => {
  const { app } = await openApp(t, { sdk: "zoom" });
  await app.getByText(ADA).waitFor();
  await app.getByText("inContactCenter").waitFor();
});

test("a guest becomes a user in place, without a reload", async (t) => {
  const { app, page, control, frame } = await openApp(t, { persona: "guest" });
  await app.getByText("a guest, without an id").waitFor();
  const sessions = await withClient(
    frame,
    `async ({ start, on }) => {
      window.told = [];
      on("session", ({ user }) => window.told.push(user?.id ?? null));
      return (await start()).user;
    }`,
  );
  assert.equal(sessions, null);
  for (const [decision, status] of [["Sign in", "authenticated"], ["Allow", "authorized"]]) {
    await frame().evaluate(() => window.zoomSdk.promptAuthorize());
    await page.getByRole("button", { name: decision, exact: true }).click();
    await until(`a user who is ${status}`, async () => (await control.get("state")).view.status === status);
  }
  await frame().waitForFunction((ada) => window.told.includes(ada), ADA);
});

test("the app is added inside the client: declined first, then allowed", async (t) => {
  const { page, control, app, frame } = await openApp(t);
  await app.getByText(ADA).waitFor();
  const install = () => withClient(frame, `async ({ start, install }) => { await start(); return install().then(({ installed }) => installed, ({ code }) => code); }`);
  const declined = install();
  await page.getByRole("button", { name: "Deny", exact: true }).click();
  assert.equal(await declined, "declined");
  assert.deepEqual((await control.get("state")).installed, []);

  const allowed = install();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  assert.equal(await allowed, true);
  assert.deepEqual((await control.get("state")).installed.map(({ user }) => user), [ADA]);
  const steps = await control.get("steps");
  assert.ok(steps.some(({ title, status }) => title === "Hand the code over" && status === "ok"));
});

for (const [fault, expected] of [["sdk.state_mangled", "state_mismatch"], ["sdk.declined", "declined"]]) {
  test(`nothing is added in the client with the fault ${fault}`, async (t) => {
    const { control, app, frame } = await openApp(t);
    await app.getByText(ADA).waitFor();
    await control.put("consent", { mode: "allow" });
    await control.put("faults", { id: fault, times: 1 });
    const code = await withClient(frame, `async ({ start, install }) => { await start(); return install().then(() => "added", (error) => error.code); }`);
    assert.equal(code, expected);
    assert.deepEqual((await control.get("state")).installed, []);
  });
}

test("where third-party cookies are blocked altogether, the page lends itself a session in memory", async (t) => {
  const { control, app, frame } = await openApp(t, { cookies: "block" });
  await app.getByText(/cookie/i).first().waitFor();
  const answers = await withClient(
    frame,
    `async ({ start, request }) => {
      const { user } = await start();
      return [user.id, (await request("/zoom/session")).status, (await fetch("/zoom/session")).status];
    }`,
  );
  assert.deepEqual(answers, [ADA, 200, 401]);
  const { view } = await control.get("state");
  assert.ok(view.checks.some(({ id, ok }) => id === "partitioned" && !ok));
});

test("the desktop client still launches by the header, and its session is its own", async (t) => {
  const { zoom, control, page, app } = await openApp(t);
  await app.getByText("the web client").waitFor();
  await control.post("launch");
  await page.goto(zoom);
  await theApp(page).getByText("the Zoom client").first().waitFor();
  const steps = await lastLaunch(control);
  assert.deepEqual(steps.map(({ arrow }) => arrow), ["GET /"]);
  assert.ok(steps[0].request.headers.some(([name]) => name === "x-zoom-app-context"));
});
