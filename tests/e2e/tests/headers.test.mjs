// The client shows nothing without the four headers; any backend is judged, not only ours.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, picture, theApp } from "../lib/browser.mjs";
import { startEmulator } from "../lib/processes.mjs";
import { startServer } from "../lib/server.mjs";

test("a page without the four headers is refused, and the emulator says which are missing", async (t) => {
  const backend = await startServer(t, (request, response) => {
    response.writeHead(200, {
      "content-type": "text/html",
      "x-content-type-options": "nosniff",
      "strict-transport-security": "max-age=31536000",
    });
    response.end("<h1>You must not see me</h1>");
  });
  const { zoom, control } = await startEmulator(t, `${backend.origin}/`);

  const { view } = await control.post("launch");
  const page = await openBrowser(t);
  await page.goto(`${zoom}/?view=${view}`);
  await page.getByText("Referrer-Policy").first().waitFor();
  await picture(page, "05-blank-panel");
  await theApp(page).getByRole("heading").waitFor();
  assert.equal(await theApp(page).getByText("You must not see me").count(), 0);

  const state = await control.get("state");
  assert.deepEqual(state.view.blank.missing.toSorted(), ["Content-Security-Policy", "Referrer-Policy"]);
});
