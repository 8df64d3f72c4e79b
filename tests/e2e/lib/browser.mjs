// Debian's Chromium, driven by playwright-core; and the steps that every story shares.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** A new browser with an empty profile; closed when the test ends. What the pages say to their console is kept. */
export async function openBrowser(t, options = {}) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])] });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.said = [];
  page.on("console", (message) => page.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.said.push(`exception: ${error.message}`));
  return page;
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
