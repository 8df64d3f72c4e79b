// Third-party OAuth as a user sees it: the Zoom client in one browser, the sign-in in another.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { addTheApp, newestApp, openBrowser, openContext, theApp, watch } from "./browser.mjs";
import { until } from "./waiting.mjs";

/** The Zoom client of a user who has added the app; what goes into its browser is kept. */
export async function client(t, { zoom, provider }) {
  const page = await openBrowser(t);
  page.received = watch(page.context());
  // The client opens the sign-in in the external browser, which is another one.
  page.asked = [];
  await page.context().route(`${provider}/**`, (route) => {
    page.asked.push(route.request().url());
    return route.abort();
  });
  await addTheApp(page, zoom);
  await button(theApp(page), "Connect Acme").waitFor();
  return page;
}

/** A button of the app by its whole name: "Disconnect" has "connect" in it. */
export const button = (app, name) => app.getByRole("button", { name, exact: true });

/** Clicks Connect; gives the address that the client opens. */
export async function authorizeUrl(page) {
  const opened = page.waitForEvent("popup");
  await button(theApp(page), "Connect Acme").click();
  const popup = await opened;
  await until("the address that the client opens", () => page.asked.length > 0);
  await popup.close();
  return page.asked.pop();
}

/** The external browser: no cookie of the app, nor of Zoom. */
export async function externalBrowser(client) {
  const context = await openContext(client.context().browser());
  const page = await context.newPage();
  page.received = watch(context);
  return page;
}

/** Waits until the external browser has led back into the client; the app that this opened there. */
export async function backInTheClient(browser, app, control) {
  await browser.waitForURL(({ searchParams }) => searchParams.has("view"));
  return newestApp(app, control);
}

/** Follows redirects as a browser does, until they lead into Zoom's client: that link. */
export async function deepLink(url, zoom) {
  while (!url.startsWith(`${zoom}/launch/`)) {
    const answer = await fetch(url, { redirect: "manual" });
    assert.equal(answer.status, 302, await answer.text());
    url = new URL(answer.headers.get("location"), url).href;
  }
  return url;
}

/** The content of every file below a directory. */
export async function everythingIn(directory) {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const contents = files.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), "latin1"));
  return (await Promise.all(contents)).join("\n");
}

/** None of the secrets is in any of the places. */
export function assertNowhere(secrets, places) {
  for (const [name, text] of Object.entries(places)) {
    for (const secret of secrets.filter(Boolean)) assert.ok(!text.includes(secret), `${name} holds ${secret.slice(0, 12)}…`);
  }
}
