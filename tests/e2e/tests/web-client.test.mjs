// The web client in a real browser: the app in a frame on another site, in a page that is cross-origin isolated. The
// first tests frame a backend that is written by hand, so that the surface proves itself without Stagedoor's gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, picture, serveRealSdk, theAppInTheWebClient } from "../lib/browser.mjs";
import { startEmulator } from "../lib/processes.mjs";
import { startBackend } from "../lib/pwa-backend.mjs";
import { until } from "../lib/waiting.mjs";

const ADA = "7lVvQmTkRwGfQmX2yq1BzA";

/** The emulator in front of a hand-written backend, and a browser at the web client. */
async function openWebClient(t, spoiled, browser) {
  const backend = await startBackend(t, spoiled);
  const stage = await startEmulator(t, backend.home);
  Object.assign(backend, { secret: stage.clientSecret, zoom: stage.zoom });
  const page = await openBrowser(t, browser);
  return { ...stage, backend, page };
}

/** The app in the web client, as a frame of the page. */
const frameOf = (page) => page.frames().find((each) => each !== page.mainFrame());

/** Loads the app in its frame again, and waits until what is there is another page. */
async function reload(page) {
  const frame = frameOf(page);
  await frame.evaluate(() => {
    window.isOld = true;
    setTimeout(() => location.reload());
  });
  await until("another page", () => frame.evaluate(() => !window.isOld).catch(() => false));
}

const failedChecks = async (control) => (await control.get("state")).view.checks.filter(({ ok }) => !ok).map(({ id }) => id);

test("a backend that follows Zoom's page runs in the web client, with a session that survives a reload", async (t) => {
  const { page, control, webClient, backend } = await openWebClient(t);
  await control.put("where", { typ: "contact_center" });
  const shell = await page.goto(webClient);
  assert.equal(shell.headers()["cross-origin-embedder-policy"], "require-corp");
  await page.getByRole("button", { name: "Open Sample app" }).click();
  const app = theAppInTheWebClient(page);
  await app.getByText(`web inContactCenter ${ADA} context`).waitFor();
  await picture(page, "10-web-client");

  const [home] = backend.seen;
  assert.equal(home.headers["x-zoom-app-context"], undefined);
  assert.match(home.headers["user-agent"], /Chrome/);
  assert.equal(home.headers["sec-fetch-site"], "cross-site");
  assert.equal(home.headers["sec-fetch-dest"], "iframe");
  assert.deepEqual(await failedChecks(control), []);

  await reload(page);
  await app.getByText(`web inContactCenter ${ADA} cookie`).waitFor();
  const steps = await control.get("steps");
  assert.deepEqual(steps.map(({ title }) => title), ["Open the Home URL", "Hand the context over", "Open the Home URL"]);
  const [, cookie] = steps[1].answer.headers.find(([name]) => name === "set-cookie");
  assert.match(cookie, /^own_session=‹redacted 32›;/);
  assert.match(steps[1].request.url, /context=‹redacted \d+›/);
});

for (const [name, headers, check] of [
  ["Cross-Origin-Embedder-Policy", { "cross-origin-embedder-policy": null }, "coep"],
  ["Cross-Origin-Resource-Policy", { "cross-origin-resource-policy": "same-site" }, "corp"],
  ["frame-ancestors 'none'", { "content-security-policy": "default-src 'none'; frame-ancestors 'none'" }, "ancestors"],
  ["X-Frame-Options", { "content-security-policy": "default-src 'none'", "x-frame-options": "DENY" }, "frame"],
]) {
  test(`the browser itself refuses a page because of ${name}, and the emulator says why`, async (t) => {
    const { page, control, webClient } = await openWebClient(t, { headers });
    await page.goto(webClient);
    await page.getByRole("button", { name: "Open Sample app" }).click();
    await page.getByText("A blank panel").waitFor();
    await picture(page, `11-refused-${check}`);
    assert.ok((await failedChecks(control)).includes(check));
    await until(() => `an error of the browser's, but ${frameOf(page)?.url()}`, () => frameOf(page)?.url().startsWith("chrome-error:"));
    const [step] = await control.get("steps");
    assert.equal(step.status, "failed");
  });
}

test("a cookie without SameSite=None does not come back, and the checks say so", async (t) => {
  const { page, control, webClient } = await openWebClient(t, { attributes: "SameSite=Lax; HttpOnly" });
  await page.goto(webClient);
  await page.getByRole("button", { name: "Open Sample app" }).click();
  const app = theAppInTheWebClient(page);
  await app.getByText("context").waitFor();
  assert.ok((await failedChecks(control)).includes("cookies"));
  await reload(page);
  await app.getByText("context").waitFor();
  assert.equal(await app.getByText("cookie").count(), 0);
});

test("partitioned cookies stay where third-party cookies are blocked, others do not", async (t) => {
  for (const [attributes, from] of [["SameSite=None; Secure; Partitioned", "cookie"], ["SameSite=None; Secure", "context"]]) {
    const { page, control, webClient } = await openWebClient(t, { attributes });
    await control.put("cookies", { third_party: "partitioned-only" });
    await page.goto(webClient);
    await page.getByRole("button", { name: "Open Sample app" }).click();
    const app = theAppInTheWebClient(page);
    await app.getByText(`${ADA} context`).waitFor();
    await reload(page);
    await app.getByText(`${ADA} ${from}`).waitFor();
    assert.equal((await failedChecks(control)).includes("partitioned"), from === "context");
  }
});

test("Zoom's real SDK from npm works in the frame", async (t) => {
  const { page, control, webClient } = await openWebClient(t);
  await control.put("sdk", { mode: "zoom" });
  await serveRealSdk(page);
  await page.goto(webClient);
  await page.getByRole("button", { name: "Open Sample app" }).click();
  await theAppInTheWebClient(page).getByText(`web inMeeting ${ADA} context`).waitFor();
});

test("a guest signs in, adds the app, and gets an identity without a reload", async (t) => {
  const { page, webClient } = await openWebClient(t);
  await page.goto(webClient);
  await page.getByLabel("Open as").selectOption("guest");
  const app = theAppInTheWebClient(page);
  await app.getByText("web inMeeting guest context").waitFor();
  await app.getByRole("button", { name: "Sign in" }).click();
  await picture(page, "12-guest-signs-in");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await app.getByText("authenticated guest").waitFor();
  await app.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await app.getByText(`authorized ${ADA}`).waitFor();
});

test("in-client OAuth: declined, then allowed, then silent", async (t) => {
  const { page, control, webClient } = await openWebClient(t);
  await page.goto(webClient);
  await page.getByRole("button", { name: "Open Sample app" }).click();
  const app = theAppInTheWebClient(page);
  await app.getByText(`${ADA} context`).waitFor();
  for (const [decision, answer] of [["Deny", "declined"], ["Allow", "installed"]]) {
    await app.getByRole("button", { name: "Authorize" }).click();
    await picture(page, "13-in-client-consent");
    await page.getByRole("button", { name: decision, exact: true }).click();
    await app.getByText(answer).waitFor();
  }
  assert.deepEqual((await control.get("state")).installed.map(({ user }) => user), [ADA]);
  const answered = page.waitForResponse((response) => response.url().endsWith("/authorized"));
  await app.getByRole("button", { name: "Authorize" }).click();
  assert.equal((await (await answered).json()).answer, "installed");
  const titles = (await control.get("steps")).map(({ title }) => title);
  assert.ok(titles.includes("Hand the code over"));
});

test("an agent's engagement goes on while the app is open", async (t) => {
  const { page, control, webClient } = await openWebClient(t);
  await page.goto(webClient);
  await page.getByLabel("Open as").selectOption("agent");
  const app = theAppInTheWebClient(page);
  await app.getByText("inContactCenter").waitFor();
  await page.getByRole("button", { name: "Start an engagement" }).click();
  await app.getByText("active").waitFor();
  await picture(page, "14-engagement");
  await page.getByRole("button", { name: "Wrap up" }).click();
  await app.getByText("wrap-up").waitFor();
  await page.getByRole("button", { name: "End", exact: true }).click();
  await app.getByText("end", { exact: true }).waitFor();
  assert.equal((await control.get("state")).engagement.state, "end");
});

test("the tabs lead from one client's page to the other's", async (t) => {
  const { page, zoom, webClient } = await openWebClient(t);
  await page.goto(zoom);
  await page.getByRole("tab", { name: "Web client" }).click();
  await page.waitForURL(webClient);
  await page.getByRole("tab", { name: "Desktop client" }).click();
  await page.waitForURL(`${zoom}/#tab-client`);
  await page.getByText("No apps yet").waitFor();
});
