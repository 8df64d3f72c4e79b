// Third-party OAuth through the external browser: all thirteen steps, with two browsers that share no cookie.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newestApp, picture, theApp } from "../lib/browser.mjs";
import { assertNowhere, authorizeUrl, backInTheClient, button, client, deepLink, everythingIn, externalBrowser } from "../lib/connect.mjs";
import { startDev } from "../lib/processes.mjs";
import { eventually, until } from "../lib/waiting.mjs";

const GRACE = "kZ0fWq3sT9yUe1rLh5NdGw";
const NUMBERS = ["1", "2–3", "4", "5", "6", "7–8", "9", "10", "11", "12", "13"];

test("the sample's Connect button works out of the box, and the diagram tells thirteen steps", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  const url = await authorizeUrl(app);
  const browser = await externalBrowser(app);
  await browser.goto(url);
  await picture(browser, "connect-01-sign-in");
  assert.deepEqual(await browser.context().cookies(stage.app), [], "the external browser knows nothing of the session");
  await browser.getByRole("button", { name: "Allow", exact: true }).click();

  const opened = await backInTheClient(browser, app, stage.control);
  await opened.getByText("ada@acme.example").waitFor();
  await button(opened, "Disconnect Acme").waitFor();
  await picture(app, "connect-02-connected");
  const steps = await eventually(async () => {
    const all = await stage.control.get("steps");
    assert.deepEqual(all.filter(({ number }) => number).map(({ number }) => number), NUMBERS);
    return all;
  });
  assert.deepEqual(steps.filter(({ status }) => status === "failed"), []);
  assert.deepEqual(app.said.filter((line) => line.startsWith("exception")), []);

  await button(opened, "Disconnect Acme").click();
  await button(opened, "Connect Acme").waitFor();

  const told = JSON.stringify(await stage.control.get("steps")) + JSON.stringify(await stage.control.get("requests"));
  assertNowhere(["acme_at_", "acme_rt_"], {
    "the client": await app.received(),
    "the external browser": await browser.received(),
    "the diagram": told,
    "the log": stage.dev.output,
    "the store": await everythingIn(stage.dev.cwd),
  });
});

test("codes of 20, 300 and 4,000 characters work", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  await stage.control.put("consent", { mode: "allow" });
  for (const fault of ["code_20", "code_300", "code_4000"]) {
    await stage.control.put("faults", { provider: { id: fault, times: 1 } });
    const browser = await externalBrowser(app);
    await browser.goto(await authorizeUrl(app));
    const opened = await backInTheClient(browser, app, stage.control);
    await browser.context().close();
    await button(opened, "Disconnect Acme").click();
    await button(opened, "Connect Acme").waitFor();
  }
});

test("whoever declines is told so in plain words, in the browser and in the app, and no script of the provider's runs", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  await stage.control.put("consent", { mode: "deny" });
  await stage.control.put("faults", { provider: "script" });
  const browser = await externalBrowser(app);
  browser.on("dialog", () => assert.fail("a script ran"));
  await browser.goto(await authorizeUrl(app));
  await browser.getByText("You have said no, so nothing was connected.").waitFor();
  await picture(browser, "connect-03-declined");
  assert.ok(!(await browser.content()).includes("alert("));
  await theApp(app).getByText("Nothing was connected.").waitFor();
});

test("a stolen deep link opens nothing for somebody else, and is burnt", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  await stage.control.put("consent", { mode: "allow" });
  const link = await deepLink(await authorizeUrl(app), stage.zoom);

  // Grace follows Ada's link in her own client, then Ada follows it.
  const { user: ada } = await stage.control.get("state");
  const thief = await externalBrowser(app);
  await stage.control.put("user", { id: GRACE });
  await thief.goto(link);
  await (await newestApp(thief, stage.control)).getByText("Hello").first().waitFor();
  await stage.control.put("user", { id: ada });
  await app.goto(link);
  await button(await newestApp(app, stage.control), "Connect Acme").waitFor();
  const requests = await stage.control.get("requests");
  assert.equal(requests.filter(({ url }) => url.startsWith(`${stage.provider}/token`)).length, 0, "the code was never exchanged");
});

test("a callback that is replayed, late or made up gets a plain page", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  await stage.control.put("consent", { mode: "allow" });
  const browser = await externalBrowser(app);
  const callbacks = [];
  browser.on("request", (request) => {
    if (request.url().startsWith(`${stage.app}/zoom/connect/acme/callback`)) callbacks.push(request.url());
  });
  await browser.goto(await authorizeUrl(app));
  await button(theApp(app), "Disconnect Acme").waitFor();
  await until("the callback", () => callbacks.length > 0);
  const replay = await browser.goto(callbacks[0]);
  assert.equal(replay.status(), 400);
  await browser.getByText("This sign-in is over.").waitFor();
  await picture(browser, "connect-04-over");
  const madeUp = await browser.goto(`${stage.app}/zoom/connect/acme/callback?code=x&state=y`);
  assert.equal(madeUp.status(), 400);
});

test("a provider that lies, is down or does not answer connects nobody, and Zoom's side goes on", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  await stage.control.put("consent", { mode: "allow" });
  for (const fault of ["alg_none", "wrong_nonce", "oversized", "no_iss"]) {
    const url = await authorizeUrl(app);
    await stage.control.put("faults", { provider: { id: fault, times: 1 } });
    const browser = await externalBrowser(app);
    await browser.goto(url);
    // The launch that claims replaces the page; a response of another issuer leaves the old one, which says so.
    await eventually(async () => {
      const state = await theApp(app).locator("body").evaluate(async () => (await fetch("/zoom/connect/acme")).json());
      assert.deepEqual([state.connected, state.attempt], [false, "failed"], fault);
    });
    await browser.context().close();
    await stage.control.put("faults", { provider: null });
    await stage.control.post("launch");
    await (await newestApp(app, stage.control)).getByText("Hello, Ada Lovelace").waitFor();
  }
});
