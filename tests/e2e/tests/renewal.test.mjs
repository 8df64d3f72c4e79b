// A session of the web client lives an hour and is renewed before it ends, without the user noticing. Here it lives twelve
// seconds, and stands for the hour: client.js renews a short one in the middle of its life, one of an hour five minutes
// before its end. A renewal has six seconds then, which is a hundred times what it takes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, serveRealSdk } from "../lib/browser.mjs";
import { startApart } from "../lib/processes.mjs";
import { WebClient } from "../lib/web-client.mjs";

const LIFE_MS = 12_000;

test("the page has a new session before the old one ends, without a reload", async (t) => {
  const client = await new WebClient().start(t);
  const gatewayArgs = ["--set", `session.pwa_ttl_seconds=${LIFE_MS / 1000}`];
  const { app } = await startApart(t, { gatewayArgs, env: { ZOOM_HOST: client.origin } });
  client.app = app;
  const page = await openBrowser(t);
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
  while (Date.now() <= Date.parse(first.expiresAt)) {
    const { status, user, expiresAt } = await session();
    assert.deepEqual([status, user?.id], [200, "agent-1"]);
    ends.add(expiresAt);
    await page.waitForTimeout(200);
  }
  assert.ok(ends.size >= 2, `one session in the middle of the other's life: ${[...ends]}`);
  const { status, user } = await session();
  assert.deepEqual([status, user?.id], [200, "agent-1"], "when the first session is over");
  assert.equal(await frame.evaluate(() => window.untouched), true);
});
