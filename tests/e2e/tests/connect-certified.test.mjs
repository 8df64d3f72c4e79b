// Third-party OAuth with a certified provider that we did not write.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { assertNowhere, authorizeUrl, backInTheClient, button, client, everythingIn, externalBrowser } from "../lib/connect.mjs";
import { emptyDirectory, freePorts, startApart } from "../lib/processes.mjs";
import { CLIENT, signIn, startProvider } from "../lib/provider.mjs";
import { eventually, sleep } from "../lib/waiting.mjs";

test("all thirteen steps with a certified provider: rotation, refresh and revocation included", async (t) => {
  const [port] = await freePorts(1);
  const directory = await emptyDirectory();
  const settings = `[[connect]]
name = "acme"
issuer = "http://localhost:${port}"
client_id = "${CLIENT.id}"
client_secret = { env = "CANARY_SECRET" }
scopes = ["openid", "email", "offline_access"]
authorize = { prompt = "consent" }
api = "http://localhost:${port}"
`;
  await writeFile(path.join(directory, "stagedoor.toml"), settings);
  const stage = await startApart(t, {
    gatewayArgs: ["--config", path.join(directory, "stagedoor.toml")],
    env: { CANARY_SECRET: CLIENT.secret },
  });
  const redirect = `${stage.app}/zoom/connect/acme/callback`;
  const { issuer, seen } = await startProvider(t, { port, redirect, accessSeconds: [12, 600] });
  const app = await client(t, { ...stage, provider: issuer });
  const browser = await externalBrowser(app);
  await browser.goto(await authorizeUrl(app));
  await signIn(browser, "ada");
  const opened = await backInTheClient(browser, app, stage.control);
  await opened.getByText("ada@op.example").waitFor();
  assert.deepEqual(seen.errors, []);

  const call = () => opened.locator("body").evaluate(async () => (await fetch("/zoom/connect/acme/api/me")).json());
  assert.equal((await call()).sub, "ada");
  // Whichever call comes first after two seconds finds it too old. The next token lives long enough for all.
  await sleep(3_000);
  const answers = await Promise.all(Array.from({ length: 20 }, call));
  assert.deepEqual(new Set(answers.map(({ sub }) => sub)), new Set(["ada"]));
  assert.equal(seen.refreshed, 1, "twenty calls with an expired token are one refresh");

  await button(opened, "Disconnect Acme").click();
  await button(opened, "Connect Acme").waitFor();
  await eventually(() => assert.ok(seen.revoked >= 1, "the provider was told"));

  const told = JSON.stringify(await stage.control.get("steps")) + JSON.stringify(await stage.control.get("requests"));
  assertNowhere([...seen.tokens, CLIENT.secret], {
    "the client": await app.received(),
    "the external browser": await browser.received(),
    "the diagram": told,
    "the log": stage.gateway.output,
    "the store": await everythingIn(stage.gateway.cwd),
  });
});
