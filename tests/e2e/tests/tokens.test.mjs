// Tokens for websites: issued by the real binary, verified by two libraries that know nothing of it, fetched by a browser.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { openBrowser } from "../lib/browser.mjs";
import { emptyDirectory } from "../lib/processes.mjs";
import { consumerSettings, SDK, stagedoor, startIssuer, startSite, verifyCobrowse, verifyConsumer } from "../lib/tokens.mjs";
import { sleep, until } from "../lib/waiting.mjs";

async function issuerFor(t, site, options) {
  const cwd = await emptyDirectory();
  const pem = await stagedoor(cwd, "keys", "generate");
  return { ...(await startIssuer(t, consumerSettings(site, options), { cwd })), pem };
}

/** How long a slow site is waited for, in milliseconds. It is enough for a whoami that answers, on a slow machine as well. */
const PATIENCE = 2_500;

const ask = (issuer, headers) => fetch(issuer.consumer, { headers });

test("a visitor's token is verified by jose and by jsrsasign with the pasted key", async (t) => {
  const site = await startSite(t);
  const issuer = await issuerFor(t, site);
  const asked = Math.floor(Date.now() / 1000);
  const answer = await ask(issuer, { origin: site.origin, cookie: "other=1; sid=known" });
  const answered = Math.ceil(Date.now() / 1000);
  const { loginUserIdJwt, token } = await answer.json();
  assert.equal(token, loginUserIdJwt);
  const { payload, header } = await verifyConsumer(token, issuer.pem);
  assert.deepEqual({ ...header, kid: typeof header.kid }, { alg: "ES256", cty: "text/plain", kid: "string" });
  const { exp, ...claims } = payload;
  assert.deepEqual(claims, { email: "janet.smith@example.com", firstName: "Janet" });
  assert.ok(asked + 300 <= exp && exp <= answered + 300, `${exp}, asked for between ${asked} and ${answered}`);
  assert.equal(site.asked[0].cookie, "sid=known");
  assert.equal(site.asked[0].origin, undefined);

  const [head, body, signature] = token.split(".");
  assert.equal(Buffer.from(signature, "base64url").length, 64);
  const forged = Buffer.from(JSON.stringify({ ...payload, email: "mallory@example.com" })).toString("base64url");
  await assert.rejects(verifyConsumer(`${head}.${forged}.${signature}`, issuer.pem));
});

test("in Chromium, a page of the site gets a token for who is signed in, and no other page gets anything", async (t) => {
  const site = await startSite(t);
  const other = await startSite(t);
  const issuer = await issuerFor(t, site);
  const page = await openBrowser(t);
  const fetched = () =>
    page.evaluate(async (url) => {
      try {
        const answer = await fetch(url, { credentials: "include" });
        return { status: answer.status, ...(await answer.json()) };
      } catch (error) {
        return { blocked: String(error) };
      }
    }, issuer.consumer);

  await page.goto(`${site.origin}/`);
  assert.equal((await fetched()).code, "not_signed_in");
  await page.goto(`${site.origin}/sign-in`);
  const { token } = await fetched();
  assert.equal((await verifyConsumer(token, issuer.pem)).payload.email, "janet.smith@example.com");

  const asked = site.asked.length;
  await page.goto(`${other.origin}/sign-in`);
  assert.match((await fetched()).blocked, /Failed to fetch/);
  assert.equal(site.asked.length, asked, "the site is not even asked");
});

test("a site whose whoami is down or slow gets 401 within the deadline, never a token, and recovers at once", async (t) => {
  const site = await startSite(t);
  const issuer = await issuerFor(t, site, { patience: PATIENCE });
  const visitor = { origin: site.origin, cookie: "sid=known" };
  const troubles = {
    "it never answers": () => {},
    "it drips": (_, response) => response.writeHead(200).write("{"),
    "it fails": (_, response) => response.writeHead(500).end('{"email":"a@b.c"}'),
    "it answers a page": (_, response) => response.writeHead(200).end("<h1>Sign in</h1>"),
    "it hangs up": (request) => request.socket.destroy(),
    "it sends elsewhere": (_, response) => response.writeHead(302, { location: "/sign-in" }).end(),
  };
  for (const [what, trouble] of Object.entries(troubles)) {
    site.trouble = trouble;
    const from = Date.now();
    const answer = await ask(issuer, visitor);
    const text = await answer.text();
    assert.equal(answer.status, 401, what);
    assert.ok(Date.now() - from < 4 * PATIENCE, `${what}: ${Date.now() - from} ms`);
    assert.ok(!text.includes("eyJ"), what);
    site.trouble = null;
    assert.equal((await ask(issuer, visitor)).status, 200, `after ${what}`);
  }
  await site.stop();
  assert.equal((await ask(issuer, visitor)).status, 401);
});

test("the next key takes over on two replicas at the same instant, without a restart", async (t) => {
  const site = await startSite(t);
  const cwd = await emptyDirectory();
  const began = Date.now();
  const old = await stagedoor(cwd, "keys", "generate");
  const next = await stagedoor(cwd, "keys", "rotate", "consumer");
  // Both have to be there before: on a machine where two commands take long, a start takes longer.
  const lead = Math.max(4_000, 20 * (Date.now() - began));
  const at = new Date(Math.ceil((Date.now() + lead) / 1000) * 1000);
  const more = `next_key = { file = "consumer.next.pem" }\nnext_key_at = "${at.toISOString()}"`;
  const start = () => startIssuer(t, consumerSettings(site, { more }), { cwd });
  const replicas = await Promise.all([start(), start()]);
  const signer = async (replica) => {
    const { token } = await (await ask(replica, { origin: site.origin, cookie: "sid=known" })).json();
    return verifyConsumer(token, old).then(
      () => "old",
      () => verifyConsumer(token, next).then(() => "next"),
    );
  };
  const seen = replicas.map(() => new Set());
  while (Date.now() < at.getTime() + 1000 || seen.some((signers) => !signers.has("next"))) {
    for (const [index, replica] of replicas.entries()) {
      const before = Date.now();
      const by = await signer(replica);
      seen[index].add(by);
      if (before >= at.getTime()) assert.equal(by, "next");
      if (Date.now() < at.getTime()) assert.equal(by, "old");
    }
    await sleep(20);
  }
  assert.deepEqual(seen.map((signers) => [...signers]), [["old", "next"], ["old", "next"]]);
});

test("Cobrowse tokens are verified by jose and by jsrsasign, for a page and for a server", async (t) => {
  const site = await startSite(t);
  const cwd = await emptyDirectory();
  const desk = JSON.parse(await stagedoor(cwd, "keys", "api", "desk", "--role", "1", "--role", "2", "--json"));
  await writeFile(path.join(cwd, "sdk-secret"), SDK.secret);
  const settings = `
[cobrowse]
sdk_key = "${SDK.key}"
sdk_secret = { file = "sdk-secret" }
origins = ["${site.origin}"]
api_keys = [${desk.line}]
compat = true
`;
  const issuer = await startIssuer(t, settings, { cwd });
  const post = async (headers, body, url = issuer.cobrowse) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, ...(await answer.json()) };
  };

  const customer = await post({ origin: site.origin }, { role: 1, userName: "Zoë 日本 🎉", enableByop: 1 });
  const { payload, header } = await verifyCobrowse(customer.token, SDK.secret);
  assert.deepEqual(header, { alg: "HS256", typ: "JWT" });
  const { iat, exp, user_id, ...rest } = payload;
  assert.deepEqual(rest, { app_key: SDK.key, role_type: 1, user_name: "Zoë 日本 🎉", enable_byop: 1 });
  assert.equal(exp - iat, 7200);
  assert.equal(user_id.length, 22);

  const bearer = { authorization: `Bearer ${desk.key}` };
  for (const seconds of [1800, 172800]) {
    const body = { role: 2, userId: "agent-1", userName: "Agent One", expirationSeconds: seconds };
    const agent = await verifyCobrowse((await post(bearer, body)).token, SDK.secret);
    assert.equal(agent.payload.exp - agent.payload.iat, seconds);
    assert.equal(agent.payload.role_type, 2);
  }
  assert.equal((await post({ origin: site.origin }, { role: 2 })).status, 401, "a page without rights gets no agent token");
  assert.equal((await post({ origin: "https://evil.example" }, { role: 1 })).status, 403);
  assert.equal((await post({ authorization: "Bearer stagedoor_wrong", origin: site.origin }, { role: 1 })).status, 401);
  assert.equal((await post({ origin: site.origin }, { role: 1 }, `${issuer.origin}/`)).status, 200, "as Zoom's sample");

  await issuer.process.stop();
  const audited = () => issuer.process.output.split("\n").filter((line) => line.includes("cobrowse token issued"));
  await until("an audit line for each token", () => audited().length >= 4);
  assert.equal(audited().length, 4, issuer.process.output);
  for (const secret of [customer.token, SDK.secret, desk.key]) {
    assert.ok(!issuer.process.output.includes(secret), "no token and no secret in the log");
  }
});
