// Debian's Chromium, driven by playwright-core; and the steps that every story shares.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { chromium } from "playwright-core";

import { startSlowProxy } from "./slow-proxy.mjs";
import { PATIENCE } from "./waiting.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** `SLOW_BROWSER=200`: whatever a page sends and gets is up to 200 ms late each time, and its scripts run four times slower. */
const SLOW = Number(process.env.SLOW_BROWSER ?? 0);
const CPU_RATE = 4;

/** A new browser with an empty profile; closed when the test ends. What the pages say to their console is kept. */
export async function openBrowser(t, options = {}) {
  const args = [...FLAGS, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  const proxy = SLOW ? { server: await startSlowProxy(SLOW), bypass: "<-loopback>" } : undefined;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args, proxy, timeout: PATIENCE });
  t.after(() => browser.close());
  const context = await openContext(browser, { viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.said = [];
  page.on("console", (message) => page.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.said.push(`exception: ${error.message}`));
  return page;
}

/** A browser of its own in the same process: it shares no cookie with the others. */
export async function openContext(browser, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  // A page may be closed before it could be slowed down.
  if (SLOW) context.on("page", (page) => slowDown(page).catch(() => {}));
  return context;
}

async function slowDown(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: CPU_RATE });
}

/** Clicks through the emulator as a newcomer does: open, Add, Allow. */
export async function addTheApp(page, zoom) {
  await page.goto(zoom);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
}

/** The app inside the emulated client. */
export function theApp(page) {
  return page.frameLocator('iframe[title="Your app in the Zoom client"]');
}

/** The app inside the emulated web client. */
export function theAppInTheWebClient(page) {
  return page.frameLocator('iframe[title="Your app in the Zoom web client"]');
}

/** Keeps a picture where somebody wants to look at it: `SCREENSHOTS=directory`. */
export async function picture(page, name) {
  if (!process.env.SCREENSHOTS) return;
  await mkdir(process.env.SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
}

/**
 * Gives Zoom's real SDK from npm to whoever asks Zoom for it, as a classic script that sets `window.zoomSdk` like the one
 * Zoom serves. What was asked for is the result.
 */
export async function serveRealSdk(page) {
  const file = createRequire(import.meta.url).resolve("@zoom/appssdk");
  const module = await readFile(file, "utf8");
  const body = `(() => { const exports = {}, module = { exports };\n${module}\n;window.zoomSdk = module.exports.default; })();`;
  const headers = { "cross-origin-resource-policy": "cross-origin" };
  const asked = [];
  await page.context().route("https://appssdk.zoom.us/**", (route) => {
    asked.push(route.request().url());
    return route.fulfill({ contentType: "text/javascript", headers, body });
  });
  return asked;
}

/** Keeps every text that reaches a browser, and every address that it opens; gives all of it once it is read. */
export function watch(context) {
  const reads = [];
  const head = async (response) => JSON.stringify(await response.allHeaders());
  // A redirect has no body, and the body of a page that was left is gone.
  const body = async (request) => (await request.response())?.text();
  const keep = (read) => reads.push(read.catch(() => ""));
  context.on("request", (request) => reads.push(request.url()));
  context.on("response", (response) => keep(head(response)));
  context.on("requestfinished", (request) => keep(body(request)));
  return async () => (await Promise.all(reads)).join("\n");
}

/** The app as the client shows it since it was opened last: what an earlier page of it still says does not count. */
export async function newestApp(page, control) {
  const { view } = await control.get("state");
  const frame = page.locator(`iframe[src="${view.url}"]`);
  await frame.waitFor();
  return frame.contentFrame();
}
