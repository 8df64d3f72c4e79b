// The website beside the app, in a real browser: Zoom learns who chats, and customer and agent meet in a Cobrowse session.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, picture } from "../lib/browser.mjs";
import { startDev } from "../lib/processes.mjs";

const STATUS = "global_system.Engagement.authenticationStatus";

/** A tab of the emulator, and the page of the website in it. */
async function openTab(page, zoom, tab) {
  await page.goto(`${zoom}/`);
  await page.getByRole("tab", { name: tab }).click();
}

const framed = (page, title) => page.frameLocator(`iframe[title="${title}"]`);

/** What the flow sees, as the emulator's page shows it. */
async function variables(page) {
  const names = await page.locator("#variables dt").allInnerTexts();
  const values = await page.locator("#variables dd").allInnerTexts();
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

/** Waits until the emulator's page says so; "not authenticated" is not "authenticated". */
const chatIs = (page, state) => page.locator("#chat-state", { hasText: new RegExp(`^${state}$`) }).waitFor();

const failed = (steps) => steps.filter(({ status }) => status === "failed");

test("a visitor signs in, opens the chat, and Zoom knows who they are", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await openTab(page, zoom, "Website chat");
  const shop = framed(page, "The website");
  await shop.getByRole("button", { name: "Katherine Johnson" }).click();
  await shop.getByText("Hello, Katherine").waitFor();
  await shop.getByRole("button", { name: "Chat with us" }).click();
  await chatIs(page, "authenticated");
  await picture(page, "website-authenticated");
  assert.deepEqual(await variables(page), {
    [STATUS]: "true",
    "global_custom.Consumer.email": "katherine@example.com",
    "global_custom.Consumer.firstName": "Katherine",
  });
  await shop.getByText("Hello, Katherine. I can see your orders.").waitFor();
  const steps = await control.get("steps");
  assert.deepEqual(steps.map(({ arrow, http }) => [arrow, http]), [["GET /zoom/consumer-auth", 200], ["engagement", 200]]);
  assert.deepEqual(failed(steps), []);
});

test("an anonymous visitor chats without a token, and authenticationStatus is false", async (t) => {
  const { zoom, app, control } = await startDev(t);
  const page = await openBrowser(t);
  const answered = page.waitForResponse(`${app}/zoom/consumer-auth`);
  await openTab(page, zoom, "Website chat");
  await framed(page, "The website").getByRole("button", { name: "Chat with us" }).click();
  await chatIs(page, "not authenticated");
  await picture(page, "website-anonymous");
  assert.deepEqual(await variables(page), { [STATUS]: "false" });
  const answer = await answered;
  assert.equal(answer.status(), 401);
  assert.ok(!/eyJ/.test(await answer.text()), "no token");
  const steps = await control.get("steps");
  assert.deepEqual(steps.map(({ arrow, http }) => [arrow, http]), [["GET /zoom/consumer-auth", 401], ["engagement", 200]]);
  assert.deepEqual(failed(steps), []);
});

test("a page that is loaded again asks again, and who signed out is nobody from then on", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await openTab(page, zoom, "Website chat");
  const shop = framed(page, "The website");
  await shop.getByRole("button", { name: "Mary Jackson" }).click();
  await shop.getByText("Hello, Mary").waitFor();
  await shop.getByRole("button", { name: "Chat with us" }).click();
  await chatIs(page, "authenticated");
  await shop.getByRole("button", { name: "Sign out" }).click();
  await chatIs(page, "not authenticated");
  const asked = (await control.get("steps")).filter(({ arrow }) => arrow === "GET /zoom/consumer-auth");
  assert.deepEqual(asked.map(({ http }) => http), [200, 401]);
});

test("a website whose whoami is in trouble authenticates nobody, and everybody again when it is over", async (t) => {
  const { app, website, control } = await startDev(t);
  const headers = { "content-type": "application/json", origin: website };
  const signedIn = await fetch(`${website}/sign-in`, { method: "POST", headers, body: '{"sub":"c-1001"}' });
  const cookie = signedIn.headers.getSetCookie().map((field) => field.split(";")[0]).join("; ");
  const ask = () => fetch(`${app}/zoom/consumer-auth`, { headers: { origin: website, cookie } });
  assert.equal((await ask()).status, 200);
  for (const fault of ["down", "html", "anybody", "hang"]) {
    await control.put("faults", { website: fault });
    const began = performance.now();
    const answer = await ask();
    assert.equal(answer.status, 401, fault);
    assert.ok(!/eyJ/.test(await answer.text()), fault);
    // The gateway waits for two seconds; whoever hangs does it for ten minutes.
    assert.ok(performance.now() - began < 60_000, fault);
  }
  await control.put("faults", { website: null });
  assert.equal((await ask()).status, 200);
});

test("a page that overrides getAuthCredentials hands over the same token", async (t) => {
  const { zoom, control } = await startDev(t);
  await control.put("website", { way: "override", variables: [{ field: "email", variable: "global_custom.Shop.mail" }] });
  const page = await openBrowser(t);
  await openTab(page, zoom, "Website chat");
  const shop = framed(page, "The website");
  await shop.getByRole("button", { name: "Zoë" }).click();
  await shop.getByText("Hello, Zoë").waitFor();
  await shop.getByRole("button", { name: "Chat with us" }).click();
  await chatIs(page, "authenticated");
  assert.deepEqual(await variables(page), { [STATUS]: "true", "global_custom.Shop.mail": "zoe@example.org" });
});

test("the endpoint tells the website who the visitor is, and a page of another site nothing", async (t) => {
  const { app, website, webClient } = await startDev(t);
  const page = await openBrowser(t);
  await page.goto(website);
  await page.getByRole("button", { name: "Katherine Johnson" }).click();
  await page.getByText("Hello, Katherine").waitFor();
  const ask = (url) => fetch(url, { credentials: "include" }).then((answer) => answer.status, () => "refused by the browser");
  assert.equal(await page.evaluate(ask, `${app}/zoom/consumer-auth`), 200);
  const elsewhere = await page.context().newPage();
  await elsewhere.route("**/*", (route) => (route.request().url().startsWith(app) ? route.continue() : route.fulfill({ body: "<p>a page</p>", contentType: "text/html" })));
  await elsewhere.goto(webClient);
  assert.equal(await elsewhere.evaluate(ask, `${app}/zoom/consumer-auth`), "refused by the browser");
});

test("customer and agent meet in a Cobrowse session, and a page without rights gets no agent's token", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await openTab(page, zoom, "Cobrowse");
  const customer = framed(page, "The customer's page");
  const agent = framed(page, "The agent's desk");
  await customer.getByRole("button", { name: "Share my page" }).click();
  const shown = customer.locator("#pin", { hasText: /^\d{6}$/ });
  await shown.waitFor();
  const pin = await shown.innerText();

  await agent.getByLabel("PIN").fill(pin);
  await agent.getByRole("button", { name: "Join without rights" }).click();
  await agent.getByText("the backend gave none").waitFor();
  const sneaked = (await control.get("steps")).find(({ title }) => title === "A token for anybody");
  assert.equal(sneaked.status, "ok");
  assert.ok([401, 403].includes(sneaked.http), String(sneaked.http));

  await agent.getByLabel("Agent").selectOption({ label: "Grace Hopper" });
  await agent.getByRole("button", { name: "Join", exact: true }).click();
  for (const side of [customer, agent]) {
    await side.locator("#members", { hasText: "Grace Hopper" }).waitFor();
    await side.locator("#members", { hasText: "Katherine Johnson" }).waitFor();
  }
  await picture(page, "cobrowse-together");
  const { cobrowse } = await control.get("state");
  assert.deepEqual(cobrowse.sessions[0].members.map(({ role_type: role }) => role), ["customer", "agent"]);

  await customer.getByRole("button", { name: "Leave" }).click();
  await agent.getByText("The session is over.").waitFor();
  assert.deepEqual(failed(await control.get("steps")), []);
  const told = (await control.get("deliveries")).map(({ event }) => event.replace("cobrowse.session_", ""));
  assert.deepEqual(told, ["started", "user_joined", "user_joined", "user_left", "user_left", "ended"]);
});

test("a customer brings a PIN of their own", async (t) => {
  const { zoom } = await startDev(t);
  const page = await openBrowser(t);
  await openTab(page, zoom, "Cobrowse");
  const customer = framed(page, "The customer's page");
  await customer.getByLabel("A PIN of your own").fill("spring 26");
  await customer.getByRole("button", { name: "Share my page" }).click();
  await customer.getByText("1008 PIN_INVALID_FORMAT").waitFor();
  await customer.getByLabel("A PIN of your own").fill("spring26");
  await customer.getByRole("button", { name: "Share my page" }).click();
  await customer.getByText("SPRING26").waitFor();
});
