// Hostile input on every route of a real gateway, again and again: it is refused, nothing breaks, and memory stays flat.
//
// STAGEDOOR_FLOOD says how many rounds; each is every attack on every route.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";

import { MAY_ASK_ZOOM, askZoom, install, launch } from "../lib/hops.mjs";
import { startApart } from "../lib/processes.mjs";
import { startThirdParty } from "../lib/third-party.mjs";
import { PATIENCE } from "../lib/waiting.mjs";

const ROUNDS = Number(process.env.STAGEDOOR_FLOOD ?? 60);

/** How much memory may grow over all rounds but the first ones, in MiB. */
const GROWTH = 20;

const ROUTES = [
  ...["GET /", "POST /orders", "GET /zoom/client.js", "GET /zoom/session", "GET /zoom/install", "GET /zoom/callback"],
  ...["GET /zoom/context", "POST /zoom/authorize", "POST /zoom/authorized", "POST /zoom/webhook", "GET /zoom/events"],
  ...["GET /zoom/api/v2/users/me", "POST /zoom/connect/acme", "GET /zoom/connect/acme/callback", "DELETE /zoom/connect/acme"],
];

const junk = (length) => randomBytes(length).toString("base64url").slice(0, length);

const request = (route, host, fields = [], body = "") => [`${route} HTTP/1.1`, `Host: ${host}`, ...fields, "", body].join("\r\n");

const JSON_BODY = ["Connection: close", "Content-Type: application/json"];

/** What no server may take, whatever the route: each answer is 4xx. */
const MALFORMED = {
  "a head without end": (...to) => request(...to, [`X-Long: ${"x".repeat(100_000)}`]),
  "thousands of fields": (...to) => request(...to, Array(5_000).fill("a: b")),
  "two hosts": (...to) => request(...to, ["Host: evil.example"]),
  "a length and chunks": (...to) => request(...to, ["Content-Length: 4", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
  "lines that end in LF": (...to) => request(...to).replaceAll("\r", ""),
  "a NUL": (...to) => request(...to, ["X: a\0b"]),
  noise: () => randomBytes(2_000),
};

/** What some routes have no use for: no answer is an error of ours. */
const MADE_UP = {
  "made-up secrets": (route, host) => {
    const target = `${route}?code=${junk(300)}&state=${junk(43)}&context=${junk(700)}`;
    const cookie = `Cookie: __Host-stagedoor=${junk(900)}; a=${junk(900)}`;
    const secrets = [`X-Zoom-App-Context: ${junk(700)}`, `Authorization: Bearer ${junk(700)}`];
    return request(target, host, ["Connection: close", cookie, ...secrets, "Content-Length: 0"]);
  },
  "JSON that is none": (route, host) => {
    const body = `{"code":"${junk(2_000)}","code":${"[".repeat(2_000)}`;
    return request(route, host, [...JSON_BODY, `Origin: http://${host}`, `Content-Length: ${body.length}`], body);
  },
};

/** Where nobody reads the body, there may be no more than a closed connection. */
const ENDLESS = {
  "a body without end": (...to) => request(...to, [...JSON_BODY, "Content-Length: 900000000"], "x".repeat(200_000)),
};

const KINDS = [
  [MALFORMED, (status) => status >= 400 && status < 500],
  [MADE_UP, (status) => status >= 200 && status < 500],
  [ENDLESS, (status) => status < 500],
];

/** The status of the answer to `bytes`, or 0 where the connection is closed without one. */
async function send(port, bytes) {
  const socket = net.connect(port, "127.0.0.1");
  socket.setTimeout(PATIENCE, () => socket.destroy());
  socket.on("error", () => {});
  let [received, status] = ["", 0];
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1] ?? 0);
    if (status) socket.destroy();
  });
  socket.write(bytes);
  await once(socket, "close");
  return status;
}

test(`hostile input on every route, ${ROUNDS} times: refused, nothing breaks, memory stays flat`, async (t) => {
  const party = await startThirdParty(t);
  const gatewayArgs = [...party.settings, ...MAY_ASK_ZOOM];
  const stage = await startApart(t, { gatewayArgs, env: { ZOOM_WEBHOOK_SECRET_TOKEN: "qgg8vlvZRS6UYooatFL8Aw" } });
  const { app, gateway } = stage;
  const host = new URL(app).host;
  await install(stage);
  const user = await launch(stage);

  // Connections that never finish a head are there all the time.
  const slow = Array.from({ length: 100 }, () => net.connect(gateway.port, "127.0.0.1"));
  t.after(() => slow.forEach((socket) => socket.destroy()));
  for (const socket of slow) socket.on("error", () => {}).write("GET / HT");

  let [sent, before] = [0, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round === Math.min(5, ROUNDS - 1)) before = await gateway.memory();
    for (const [attacks, isRight] of KINDS) {
      for (const [name, attack] of Object.entries(attacks)) {
        const statuses = await Promise.all(ROUTES.map((route) => send(gateway.port, attack(route, host))));
        statuses.forEach((status, index) => assert.ok(isRight(status), `${name} at ${ROUTES[index]}: ${status}`));
        sent += statuses.length;
      }
    }
  }
  const after = await gateway.memory();
  assert.equal((await askZoom(user, app)).status, 200, "users notice nothing");
  assert.doesNotMatch(gateway.output, /panicked/);
  assert.equal(gateway.child.exitCode, null);
  assert.ok(after - before < GROWTH, `${before} MiB grew to ${after} MiB`);
  t.diagnostic(`${sent} hostile requests, 0 panics; ${before} MiB after a few rounds, ${after} MiB at the end`);
});
