// Whoever steals a backup of the store learns nothing from it: no token, nobody's name.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";

import { Hops, MAY_ASK_ZOOM, askZoom, install, launch, newUser } from "../lib/hops.mjs";
import { startApart } from "../lib/processes.mjs";
import { STORES } from "../lib/stores.mjs";
import { sleep } from "../lib/waiting.mjs";

/** What every token of the emulator's begins with: `{"alg":"HS512"`. */
const TOKEN = "eyJhbGciOiJIUzUxMiI";

describe("a dump", { concurrency: true }, () => {
  for (const [name, start] of Object.entries(STORES)) {
    test(`mn_12 of ${name} holds none of the tokens that were issued, and nobody's id or name`, async (t) => {
      const store = await start(t);
      const stage = await startApart(t, { gatewayArgs: MAY_ASK_ZOOM, env: { DATABASE_URL: store.url } });
      const { app, control, gateway } = stage;
      assert.ok((await tokenOfOurOwn(stage)).startsWith(TOKEN), "tokens begin as this test expects");

      // Three users, each with tokens of an install, of two refreshes, and with an attempt that was never finished.
      const people = [];
      for (const person of ["Canary Cartwright", "Canary Dubois", "Canary Eriksson"]) {
        people.push(person, await newUser(control, person));
        await control.put("tokens", { access_seconds: 1 });
        await install(stage);
        const browser = await launch(stage);
        for (let refresh = 0; refresh < 2; refresh += 1) {
          await sleep(1_100);
          assert.equal((await askZoom(browser, app)).status, 200);
        }
        await new Hops().get(`${app}/zoom/install`);
      }

      const held = await store.dump(gateway.cwd);
      assert.ok(held.includes("installation"), "the dump holds the installations");
      assert.ok(!held.includes(TOKEN), "a token is in the dump");
      for (const secret of [...people, gateway.env.ZOOM_CLIENT_SECRET, gateway.env.STAGEDOOR_SECRET]) {
        assert.ok(!held.includes(secret), `${secret} is in the dump`);
      }
    });
  }
});

/** An access token that the gateway never sees. */
async function tokenOfOurOwn({ app, zoom, control, gateway }) {
  const { ZOOM_CLIENT_ID: id, ZOOM_CLIENT_SECRET: secret } = gateway.env;
  const [verifier, redirect] = ["v".repeat(64), `${app}/zoom/callback`];
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const asked = { response_type: "code", client_id: id, redirect_uri: redirect, code_challenge: challenge, code_challenge_method: "S256", state: "s" };
  await control.put("consent", { mode: "allow" });
  const { location } = await new Hops().get(`${zoom}/oauth/authorize?${new URLSearchParams(asked)}`);
  const code = new URL(location).searchParams.get("code");
  const answer = await fetch(`${zoom}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: verifier }),
  });
  return (await answer.json()).access_token;
}
