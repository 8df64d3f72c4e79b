// No secret is ever logged, shown in an error, or kept in a URL: a run with known values, and a search for them.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { startApart } from "../lib/processes.mjs";

test("mn_12 a run with canary values leaves none of them in logs, answers or the database", async (t) => {
  const stage = await startApart(t, { env: { LOG_LEVEL: "trace" } });
  const { app, admin, control, gateway } = stage;
  const secrets = new Map([
    ["client secret", gateway.env.ZOOM_CLIENT_SECRET],
    ["master secret", gateway.env.STAGEDOOR_SECRET],
  ]);
  const answers = [];
  const cookies = new Map();
  const visit = async (url, headers = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { accept: "text/html", cookie, ...headers } });
    answer.headers.getSetCookie().forEach((line) => {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
      if (value.length > 20) secrets.set(`cookie ${name} ${secrets.size}`, value);
    });
    const text = await answer.text();
    answers.push(text);
    return { location: answer.headers.get("location"), status: answer.status, text };
  };

  await control.put("consent", { mode: "allow" });
  const { location } = await visit(`${app}/zoom/install`);
  const authorize = new URL(location).searchParams;
  secrets.set("state", authorize.get("state"));
  const consented = await fetch(location, { redirect: "manual" });
  const callback = consented.headers.get("location");
  secrets.set("code", new URL(callback).searchParams.get("code"));
  assert.equal((await visit(callback)).status, 302);
  await visit(callback);
  await visit(`${callback}&state=again`);
  const { context } = await control.post("context", {});
  secrets.set("context", context);
  assert.equal((await visit(`${app}/`, { "x-zoom-app-context": context })).status, 200);
  await visit(`${app}/`, { "x-zoom-app-context": `${context}AAAA` });
  await visit(`${app}/zoom/session`);
  for (const fault of ["token.invalid_grant", "token.rate_limited", "token.server_error"]) {
    await control.put("faults", { id: fault, times: 1 }).catch(() => {});
    const again = await visit(`${app}/zoom/install`);
    const failed = await fetch(again.location, { redirect: "manual" });
    const broken = failed.headers.get("location");
    secrets.set(`code ${fault}`, new URL(broken).searchParams.get("code"));
    secrets.set(`state ${fault}`, new URL(broken).searchParams.get("state"));
    await visit(broken);
  }
  await visit(`${admin}/metrics`);
  await visit(`${admin}/ready`);
  await gateway.stop();

  const kept = [];
  for (const name of await readdir(gateway.cwd)) {
    if (name.includes(".db")) kept.push((await readFile(path.join(gateway.cwd, name))).toString("latin1"));
  }
  assert.ok(kept.length > 0, "there is a database to search");
  assert.ok(gateway.output.length > 0, "there is a log to search");
  for (const [name, value] of secrets) {
    assert.ok(value, `${name} was seen in this run`);
    assert.ok(!gateway.output.includes(value), `${name} is in the log`);
    assert.ok(!answers.some((answer) => answer.includes(value)), `${name} is in an answer`);
    assert.ok(!kept.some((bytes) => bytes.includes(value)), `${name} is in the database`);
  }
  assert.ok(!/eyJ[\w-]{20}/.test(gateway.output + kept.join("")), "something like a JWT is in the log or the database");
});
