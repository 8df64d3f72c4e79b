// A session of the web client lives an hour and is renewed before it ends, without the user noticing. Here it lives four
// seconds, and stands for the hour: client.js renews a short one in the middle of its life, one of an hour five minutes
// before its end.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, serveRealSdk } from "../lib/browser.mjs";
import { startApart } from "../lib/processes.mjs";
import { WebClient } from "../lib/web-client.mjs";

const LIFE_MS = 4000;

test("the page has a new session before the old one ends, without a reload", async (t) => {
  const client = await new WebClient().start(t);
  const gatewayArgs = ["--set", `session.pwa_ttl_seconds=${LIFE_MS / 1000}`];
  const { app } = await startApart(t, { gatewayArgs, env: { ZOOM_HOST: client.origin } });
  client.app = app;
  const page = await openBrowser(t);
  page.setDefaultTimeout(10_000);
  await serveRealSdk(page);
  await page.goto(client.origin);
  await page.frameLocator("iframe").getByText("the web client").waitFor();
  const frame = page.frames().find((each) => each !== page.mainFrame());
  const session = () => frame.evaluate(async () => {
    const answer = await fetch("/zoom/session");
    return { status: answer.status, ...(await answer.json()) };
  });
  await frame.evaluate(() => (window.untouched = true));

  const first = await session();
  const ends = new Set();
  const until = Date.now() + 3 * LIFE_MS;
  while (Date.now() < until) {
    const { status, user, expiresAt } = await session();
    assert.deepEqual([status, user?.id], [200, "agent-1"]);
    ends.add(expiresAt);
    await page.waitForTimeout(200);
  }
  assert.ok(Date.parse(first.expiresAt) < Date.now(), "the first session is over by now");
  assert.ok(ends.size >= 4, `one session in the middle of the other's life: ${[...ends]}`);
  assert.equal(await frame.evaluate(() => window.untouched), true);
});
