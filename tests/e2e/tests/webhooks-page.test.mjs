// The emulator's page of webhooks in a real browser: what is sent, what comes of it, and when it comes again.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { openBrowser, picture } from "../lib/browser.mjs";
import { emptyDirectory, startEmulator } from "../lib/processes.mjs";
import { startServer } from "../lib/server.mjs";
import { stagedoor } from "../lib/tokens.mjs";
import { until } from "../lib/waiting.mjs";

/** A backend that verifies what comes, and answers with `answers` first, then 200. */
async function startReceiver(t) {
  const receiver = { answers: [], got: [] };
  const mac = (message) => createHmac("sha256", receiver.secret).update(message).digest("hex");
  const { origin } = await startServer(t, async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const signed = `v0=${mac(`v0:${request.headers["x-zm-request-timestamp"]}:${body}`)}`;
    if (request.headers["x-zm-signature"] !== signed) return response.writeHead(401).end();
    const { event, payload } = JSON.parse(body);
    if (event === "endpoint.url_validation") {
      const { plainToken } = payload;
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(JSON.stringify({ plainToken, encryptedToken: mac(plainToken) }));
    }
    receiver.got.push({ event, payload, body });
    return response.writeHead(receiver.answers.shift() ?? 200).end();
  });
  receiver.home = `${origin}/`;
  return receiver;
}

async function start(t) {
  const receiver = await startReceiver(t);
  const emulator = await startEmulator(t, receiver.home);
  receiver.secret = emulator.webhookSecret;
  await emulator.control.put("webhook", { url: `${receiver.home}hooks` });
  const page = await openBrowser(t);
  await page.goto(`${emulator.zoom}/#tab-webhooks`);
  await page.locator("#health", { hasText: "valid" }).waitFor();
  return { receiver, page, ...emulator };
}

/** Waits until the list says that an event was delivered. A receiver that took more than three seconds gets it again, as from Zoom. */
async function delivered(page, control, event) {
  const summary = page.locator(".delivery", { hasText: event }).locator("summary");
  await until(`${event}, delivered`, async () => {
    await summary.filter({ hasText: /delivered|comes again/ }).waitFor();
    if (await summary.filter({ hasText: "delivered" }).isVisible()) return true;
    await control.put("clock", { advance_ms: 3_600_000 });
    return false;
  });
}

test("an event of the form arrives as it was written, and the list says so", async (t) => {
  const { receiver, page, control } = await start(t);
  await page.locator("#trigger select").selectOption("meeting.participant_joined");
  const body = page.locator("#trigger textarea");
  await page.waitForFunction(() => document.querySelector("#trigger textarea").value.includes("participant_uuid"));
  const written = JSON.parse(await body.inputValue());
  written.payload.object.participant.user_name = "Zoë 🚒";
  await body.fill(JSON.stringify(written));
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await delivered(page, control, "meeting.participant_joined");
  await picture(page, "webhooks-delivered");
  assert.equal(receiver.got[0].payload.object.participant.user_name, "Zoë 🚒");
  assert.ok(receiver.got[0].body.includes('"Zoë \\uD83D\\uDE92"'), "escaped as Zoom does it");
});

test("nothing can be sent before the page knows what", async (t) => {
  const { page, control } = await start(t);
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route("**/control/webhook/events", (route) => held.then(() => route.continue()));
  await page.reload();
  await page.locator("#health", { hasText: "valid" }).waitFor();
  const send = page.getByRole("button", { name: "Send", exact: true });
  assert.equal(await send.isDisabled(), true);
  letGo();
  await send.click();
  await delivered(page, control, "meeting.started");
});

test("an event that fails comes again once the clock is moved there", async (t) => {
  const { receiver, page, control } = await start(t);
  receiver.answers.push(503);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const delivery = page.locator(".delivery", { hasText: "meeting.started" });
  await delivery.locator("summary", { hasText: "comes again" }).waitFor();
  await delivery.locator("summary").click();
  await picture(page, "webhooks-retry");
  await delivery.getByRole("button", { name: "Move the clock there" }).click();
  await delivered(page, control, "meeting.started");
  assert.ok(receiver.got.length >= 2);
  assert.equal(receiver.got[0].body, receiver.got[1].body);
});

test("removing the app in the Marketplace deauthorizes it", async (t) => {
  const { receiver, page, control } = await start(t);
  const { user } = await control.get("state");
  await control.post("uninstall");
  await delivered(page, control, "app_deauthorized");
  assert.equal(receiver.got[0].payload.user_id, user);
});

test("stagedoor trigger has an event sent, and tells what came of it", async (t) => {
  const { receiver, zoom } = await start(t);
  const cwd = await emptyDirectory();
  const trigger = (...args) => stagedoor(cwd, "trigger", ...args, "--emulator", zoom);
  assert.match(await trigger("--list"), /^Meetings\n {2}meeting\.started +A meeting begins\.$/m);
  assert.match(await trigger("meeting.ended", "--set", "payload.object.duration=45", "--set", "payload.object.topic=Feuer 🚒"), /^meeting\.ended: Delivered: 200\. \(\d+ ms\)\n$/);
  const { object } = receiver.got[0].payload;
  assert.deepEqual([object.duration, object.topic], [45, "Feuer 🚒"]);
  receiver.answers.push(429);
  await assert.rejects(trigger("meeting.ended"), "an event that is lost is a failure");
});
