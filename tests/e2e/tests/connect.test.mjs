// Third-party OAuth through the external browser: all thirteen steps, with two browsers that share no cookie.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { addTheApp, openBrowser, picture, theApp } from "../lib/browser.mjs";
import { emptyDirectory, freePorts, startApart, startDev } from "../lib/processes.mjs";
import { CLIENT, signIn, startProvider } from "../lib/provider.mjs";

const GRACE = "kZ0fWq3sT9yUe1rLh5NdGw";
const NUMBERS = ["1", "2–3", "4", "5", "6", "7–8", "9", "10", "11", "12", "13"];

/** The Zoom client of a user who has added the app; what goes into its browser is kept. */
async function client(t, { zoom, provider }) {
  const page = await openBrowser(t);
  page.received = watch(page.context());
  // The client opens the sign-in in the external browser, which is another one.
  page.asked = [];
  await page.context().route(`${provider}/**`, (route) => {
    page.asked.push(route.request().url());
    return route.abort();
  });
  await addTheApp(page, zoom);
  await theApp(page).getByRole("button", { name: "Connect Acme" }).waitFor();
  return page;
}

/** Clicks Connect; gives the address that the client opens. */
async function authorizeUrl(page) {
  const opened = page.waitForEvent("popup");
  await theApp(page).getByRole("button", { name: "Connect Acme" }).click();
  const popup = await opened;
  while (page.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await popup.close();
  return page.asked.pop();
}

/** The external browser: no cookie of the app, nor of Zoom. */
async function externalBrowser(client) {
  const context = await client.context().browser().newContext();
  const page = await context.newPage();
  page.received = watch(context);
  return page;
}

/** Follows redirects as a browser does, until they lead into Zoom's client: that link. */
async function deepLink(url, zoom) {
  while (!url.startsWith(`${zoom}/launch/`)) {
    const answer = await fetch(url, { redirect: "manual" });
    assert.equal(answer.status, 302, await answer.text());
    url = new URL(answer.headers.get("location"), url).href;
  }
  return url;
}

/** Every text that reaches a browser, and every address that it opens. */
function watch(context) {
  const received = [];
  context.on("request", (request) => received.push(request.url()));
  context.on("response", async (response) => {
    received.push(JSON.stringify(response.headers()));
    received.push(await response.text().catch(() => ""));
  });
  return received;
}

async function everythingIn(directory) {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const contents = files.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), "latin1"));
  return (await Promise.all(contents)).join("\n");
}

function assertNowhere(secrets, places) {
  for (const [name, text] of Object.entries(places)) {
    for (const secret of secrets.filter(Boolean)) assert.ok(!text.includes(secret), `${name} holds ${secret.slice(0, 12)}…`);
  }
}

test("the sample's Connect button works out of the box, and the diagram tells thirteen steps", async (t) => {
  const stage = await startDev(t);
  const app = await client(t, stage);
  const url = await authorizeUrl(app);
  const browser = await externalBrowser(app);
  await browser.goto(url);
  await picture(browser, "connect-01-sign-in");
  assert.deepEqual(await browser.context().cookies(stage.app), [], "the external browser knows nothing of the session");
  await browser.getByRole("button", { name: "Allow", exact: true }).click();

  await theApp(app).getByText("ada@acme.example").waitFor();
  await theApp(app).getByRole("button", { name: "Disconnect Acme" }).waitFor();
  await picture(app, "connect-02-connected");
  const steps = await stage.control.get("steps");
  assert.deepEqual(steps.filter(({ number }) => number).map(({ number }) => number), NUMBERS);
  assert.deepEqual(steps.filter(({ status }) => status === "failed"), []);
  assert.deepEqual(app.said.filter((line) => line.startsWith("exception")), []);

  await theApp(app).getByRole("button", { name: "Disconnect Acme" }).click();
  await theApp(app).getByRole("button", { name: "Connect Acme" }).waitFor();

  const told = JSON.stringify(await stage.control.get("steps")) + JSON.stringify(await stage.control.get("requests"));
  assertNowhere(["acme_at_", "acme_rt_"], {
    "the client": app.received.join("\n"),
    "the external browser": browser.received.join("\n"),
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
    await theApp(app).getByRole("button", { name: "Disconnect Acme" }).click();
    await theApp(app).getByRole("button", { name: "Connect Acme" }).waitFor();
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
  await theApp(thief).getByText("Hello").first().waitFor();
  await stage.control.put("user", { id: ada });
  await app.goto(link);
  await theApp(app).getByRole("button", { name: "Connect Acme" }).waitFor();
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
  await theApp(app).getByRole("button", { name: "Disconnect Acme" }).waitFor();
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
  for (const fault of ["wrong_iss", "wrong_aud", "wrong_nonce", "alg_none", "expired", "other_key", "oversized", "response_iss", "no_iss"]) {
    const url = await authorizeUrl(app);
    await stage.control.put("faults", { provider: { id: fault, times: 1 } });
    const browser = await externalBrowser(app);
    await browser.goto(url);
    // The launch that claims replaces the page; a response of another issuer leaves the old one, which says so.
    await theApp(app).getByRole("button", { name: "Connect Acme" }).waitFor();
    await browser.context().close();
    const state = await theApp(app).locator("body").evaluate(async () => (await fetch("/zoom/connect/acme")).json());
    assert.equal(state.connected, false, fault);
    await stage.control.put("faults", { provider: null });
    await stage.control.post("launch");
    await theApp(app).getByText("Hello, Ada Lovelace").waitFor();
  }
});

test("all thirteen steps with a certified provider: rotation, refresh and revocation included", async (t) => {
  const [port] = await freePorts(1);
  const directory = await emptyDirectory(t);
  const settings = `[[connect]]
name = "acme"
issuer = "http://localhost:${port}"
client_id = "${CLIENT.id}"
client_secret = { env = "CANARY_SECRET" }
scopes = ["openid", "email", "offline_access"]
authorize = { prompt = "consent" }
api = "http://localhost:${port}"
`;
  await writeFile(path.join(directory, "stagedoor.toml"), settings);
  const stage = await startApart(t, {
    gatewayArgs: ["--config", path.join(directory, "stagedoor.toml")],
    env: { CANARY_SECRET: CLIENT.secret },
  });
  const redirect = `${stage.app}/zoom/connect/acme/callback`;
  const { issuer, seen } = await startProvider(t, { port, redirect, accessSeconds: 12 });
  const app = await client(t, { ...stage, provider: issuer });
  const browser = await externalBrowser(app);
  await browser.goto(await authorizeUrl(app));
  await signIn(browser, "ada");
  await theApp(app).getByText("ada@op.example").waitFor();
  assert.deepEqual(seen.errors, []);

  const call = () => theApp(app).locator("body").evaluate(async () => (await fetch("/zoom/connect/acme/api/me")).json());
  assert.equal((await call()).sub, "ada");
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const answers = await Promise.all(Array.from({ length: 20 }, call));
  assert.deepEqual(new Set(answers.map(({ sub }) => sub)), new Set(["ada"]));
  assert.equal(seen.refreshed, 1, "twenty calls with an expired token are one refresh");

  await theApp(app).getByRole("button", { name: "Disconnect Acme" }).click();
  await theApp(app).getByRole("button", { name: "Connect Acme" }).waitFor();
  assert.ok(seen.revoked >= 1, "the provider was told");

  const told = JSON.stringify(await stage.control.get("steps")) + JSON.stringify(await stage.control.get("requests"));
  assertNowhere([...seen.tokens, CLIENT.secret], {
    "the client": app.received.join("\n"),
    "the external browser": browser.received.join("\n"),
    "the diagram": told,
    "the log": stage.gateway.output,
    "the store": await everythingIn(stage.gateway.cwd),
  });
});
