// Zoom's web client: the app in a frame of another site, with the real SDK, and without a header of Zoom's.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { openBrowser, picture, serveRealSdk } from "../lib/browser.mjs";
import { emptyDirectory, startApart } from "../lib/processes.mjs";
import { startServer } from "../lib/server.mjs";
import { WebClient } from "../lib/web-client.mjs";

/** The gateway, a web client around it, and a browser. */
async function stage(t, { user = "agent-1", env = {} } = {}) {
  const client = await new WebClient({ user }).start(t);
  client.signedIn = "agent-1";
  const { app, gateway } = await startApart(t, { env: { ZOOM_HOST: client.origin, ...env } });
  client.app = app;
  const page = await openBrowser(t);
  await serveRealSdk(page);
  return { client, app, gateway, page, frame: page.frameLocator("iframe") };
}

const errors = (page) => page.said.filter((line) => /^(exception|error)/.test(line) && !/401/.test(line));

test("the app opens in the web client with a session, and a reload keeps it", async (t) => {
  const { client, page, frame } = await stage(t);
  await page.goto(client.origin);
  await frame.getByText("the web client").waitFor();
  await frame.getByText("agent-1").waitFor();
  await picture(page, "10-web-client");
  await page.reload();
  await frame.getByText("agent-1").waitFor();
  await frame.getByText("Grace").waitFor();
  await frame.getByText("not verified").waitFor();
  assert.deepEqual(errors(page), []);
});

test("an app without a line of code for the web client runs in it, at its own address", async (t) => {
  const root = await emptyDirectory();
  await writeFile(path.join(root, "index.html"), "<!doctype html><title>Old</title><p>I know nothing of Zoom.</p>");
  const { client, app, page, frame } = await stage(t, { env: { APP_ROOT: root } });
  client.app = `${app}/some/page?x=1#y`;
  await page.goto(client.origin);
  await frame.getByText("I know nothing of Zoom.").waitFor();
  assert.equal(page.frames().at(-1).url(), client.app);
  assert.deepEqual(client.asked, ["config", "getAppContext"]);
});

test("a guest adds the app and is the user without a reload", async (t) => {
  const { client, page, frame } = await stage(t, { user: null });
  await page.goto(client.origin);
  await frame.getByText("a guest, without an id").waitFor();
  const inner = page.frames().find((each) => each !== page.mainFrame());
  await inner.evaluate(() => (window.untouched = true));
  await frame.getByRole("button", { name: "Add to Zoom" }).click();
  await frame.getByText("Hello, Ada Lovelace").waitFor();
  assert.equal(await inner.evaluate(() => window.untouched), true);
  await frame.getByText("yes").waitFor();
  // The sample asks whether its third party is there, and here it is not.
  assert.deepEqual(errors(page).filter((text) => !text.includes("404 (Not Found)")), []);
});

for (const [how, said] of [["deny", "The app was not added."], ["mangle", "another attempt"]]) {
  test(`an authorization that is not right adds nothing: ${how}`, async (t) => {
    const { client, page, frame } = await stage(t);
    client[how] = true;
    await page.goto(client.origin);
    await frame.getByRole("button", { name: "Add to Zoom" }).click();
    await frame.getByText(said).waitFor();
    assert.equal(await frame.getByText("yes").count(), 0);
  });
}

test("where the browser keeps no cookies the boot page says so, once", async (t) => {
  // To the page a cookie that is blocked and one that never came are the same.
  let gateway;
  let pages = 0;
  const { origin } = await startServer(t, async ({ url, headers }, response) => {
    if (headers["sec-fetch-dest"] === "iframe") pages += 1;
    const answer = await fetch(gateway + url, { headers: { ...headers, connection: "close" } });
    const kept = [...answer.headers].filter(([name]) => !["set-cookie", "content-encoding", "content-length", "transfer-encoding"].includes(name));
    response.writeHead(answer.status, Object.fromEntries(kept)).end(await answer.text());
  });
  const { client, app, page, frame } = await stage(t, { env: { PUBLIC_URL: origin } });
  [gateway, client.app] = [app, origin];
  await page.goto(client.origin);
  await frame.getByText("keeps no session").waitFor();
  await frame.getByText("cookies_blocked").waitFor();
  await picture(page, "11-boot-page-cookies");
  assert.equal(pages, 1);
});

test("where the SDK does not load the boot page says so", async (t) => {
  const { client, page, frame } = await stage(t);
  await page.context().route("https://appssdk.zoom.us/**", (route) => route.abort());
  await page.goto(client.origin);
  await frame.getByText("sdk_unreachable").waitFor();
});

test("a frame without a Zoom client around it leads to Zoom", async (t) => {
  const { client, page, frame } = await stage(t);
  client.answers = false;
  await page.goto(client.origin);
  await frame.getByText("This app opens in Zoom").waitFor();
  await frame.getByRole("link", { name: "Add the app to Zoom" }).waitFor();
});
