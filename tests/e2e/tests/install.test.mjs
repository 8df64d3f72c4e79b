// The main job in a real browser: a Zoom App is installed and launched.

import assert from "node:assert/strict";
import { test } from "node:test";

import { addTheApp, openBrowser, picture, serveRealSdk, theApp } from "../lib/browser.mjs";
import { startDev } from "../lib/processes.mjs";

/** The app is up, and nothing more comes by itself. */
const isUp = (page) => theApp(page).locator("#app:not([aria-busy])").waitFor();

test("a newcomer clicks Add, consents, and sees the app with their name in it", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await page.goto(zoom);
  await picture(page, "01-first-sight");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).waitFor();
  await picture(page, "02-consent");
  await page.getByRole("button", { name: "Allow", exact: true }).click();

  const { users, user } = await control.get("state");
  const { name } = users.find(({ id }) => id === user);
  await theApp(page).getByText(name).first().waitFor();
  await isUp(page);
  // The picture of the README: SCREENSHOTS=directory, then copy it to docs/emulator.png.
  await picture(page, "03-launched");

  const state = await control.get("state");
  assert.equal(state.view.blank, null);
  assert.deepEqual(state.view.checks.filter(({ ok }) => !ok), []);
  assert.deepEqual(state.installed.map((installed) => installed.user), [user]);
  const steps = await control.get("steps");
  assert.deepEqual(steps.filter(({ status }) => status === "failed"), []);
  assert.deepEqual(page.said.filter((line) => line.startsWith("exception") || line.startsWith("error")), []);
});

test("a click counts, whatever happens at Zoom between the press and the release", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await page.goto(zoom);
  await page.getByRole("button", { name: "Add", exact: true }).hover();
  await page.mouse.down();
  await control.put("clock", { advance_ms: 3_600_000 });
  await page.locator("#bar-clock", { hasText: "+01:00" }).waitFor();
  await page.mouse.up();
  await page.getByRole("button", { name: "Allow", exact: true }).waitFor();
});

test("the stand-in SDK answers the sample app", async (t) => {
  const { zoom } = await startDev(t);
  const page = await openBrowser(t);
  await addTheApp(page, zoom);
  await theApp(page).getByText(/inMainClient|inMeeting/).first().waitFor();
});

test("the real SDK from npm answers the sample app just as well", async (t) => {
  const { zoom, control } = await startDev(t);
  await control.put("sdk", { mode: "zoom" });
  const page = await openBrowser(t);
  const asked = await serveRealSdk(page);
  await addTheApp(page, zoom);
  await theApp(page).getByText(/inMainClient|inMeeting/).first().waitFor();
  assert.equal(asked.length, 1);
});

test("who declines gets a page that says so, and nothing is installed", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await page.goto(zoom);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: "Deny", exact: true }).click();
  await page.getByText("declined").first().waitFor();
  await picture(page, "04-declined");
  assert.deepEqual((await control.get("state")).installed, []);
});

test("added from the Marketplace page, which sends a code without a state, the app ends up installed", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await page.goto(zoom);
  await page.getByRole("button", { name: /without the landing page/i }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await isUp(page);
  const { installed, user, view } = await control.get("state");
  assert.deepEqual(installed.map((entry) => entry.user), [user]);
  assert.equal(view.blank, null);
});

test("a reloaded callback never shows an error to a user who is installed", async (t) => {
  const { zoom, app, control } = await startDev(t);
  const page = await openBrowser(t);
  const callbacks = [];
  page.on("request", (request) => {
    if (request.url().startsWith(`${app}/zoom/callback`)) callbacks.push(request.url());
  });
  await addTheApp(page, zoom);
  await isUp(page);
  assert.equal(callbacks.length, 1);

  const reloaded = await page.goto(callbacks[0]);
  assert.equal(reloaded.status(), 200);
  assert.ok(page.url().startsWith(zoom), "the reload leads back into the client");
  assert.equal((await control.tokenCalls()).length, 1, "the code was exchanged once");
});

test("a restart keeps the installation", async (t) => {
  const { dev, zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await addTheApp(page, zoom);
  await isUp(page);
  const { users, user } = await control.get("state");
  const { name } = users.find(({ id }) => id === user);

  assert.equal(await dev.stop(), 0);
  await dev.start();
  await control.post("launch");
  await page.goto(`${zoom}/?view=${(await control.get("state")).view.view}`);
  await theApp(page).getByText(name).first().waitFor();
});
