// Zoom's side of webhooks, and the upstream's.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { emptyDirectory, freePorts, startGateways } from "./processes.mjs";
import { until } from "./waiting.mjs";

export const TOKEN = "canary-webhook-secret-Vw7Rt5Zq8L";
/** What an upstream verifies with; the same in every run. */
export const SIGNING = `whsec_${Buffer.from("a signing key of thirty-two bytes").toString("base64")}`;
const UPSTREAM = fileURLToPath(new URL("webhook-upstream.mjs", import.meta.url));

/** The `number`th event of a meeting. */
export const event = (meeting, number, more = {}) => ({
  event: "meeting.participant_joined",
  event_ts: Date.now(),
  payload: { account_id: "EabCDEFghiLHMA", object: { id: meeting, uuid: `${meeting}==`, host_id: "host", number, ...more } },
});

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** Sends a body as Zoom does and gives the status; 0 where there was no answer. */
export function send(origin, body) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", TOKEN).update(`v0:${timestamp}:${text}`).digest("hex");
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "x-zm-request-timestamp": timestamp,
    "x-zm-signature": `v0=${signature}`,
  };
  return new Promise((resolve) => {
    const request = http.request(`${origin}/zoom/webhook`, { method: "POST", headers, agent }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode)).on("error", () => resolve(0));
    });
    request.on("error", () => resolve(0)).end(text);
  });
}

/** Sends an event until it is acknowledged, as Zoom does, only sooner. */
export async function deliver(origins, body) {
  let attempt = 0;
  const next = () => [origins].flat()[attempt++ % [origins].flat().length];
  await until("an acknowledgement", async () => (await send(next(), body)) === 200, { within: 300_000, every: 50 });
}

/** An upstream in a process of its own. */
export class Upstream {
  constructor(port, file) {
    Object.assign(this, { port, file, url: `http://127.0.0.1:${port}/hooks/zoom` });
  }

  async start() {
    const env = { PATH: process.env.PATH, WEBHOOK_SECRET: SIGNING };
    this.child = spawn(process.execPath, [UPSTREAM, String(this.port), this.file], { env, stdio: ["ignore", "pipe", "inherit"] });
    const listens = once(this.child.stdout, "data").then(() => true);
    const isThere = await Promise.race([listens, once(this.child, "exit").then(() => false)]);
    if (!isThere) throw new Error("the upstream for webhooks has ended");
    return this;
  }

  async kill() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exited;
  }

  /** What has arrived, in order: ids, meetings and numbers, repetitions too. A line that a kill cut short was never answered. */
  async arrived() {
    const lines = (await readFile(this.file, "utf8")).split("\n").slice(0, -1);
    return lines.map((line) => line.split(" ")).filter((words) => words.length === 3);
  }

  /** The numbers of each meeting in the order of their first arrival: what a receiver makes of it that knows ids. */
  async heard() {
    const [known, heard] = [new Set(), new Map()];
    for (const [id, meeting, number] of await this.arrived()) {
      if (known.has(id)) continue;
      known.add(id);
      heard.set(meeting, [...(heard.get(meeting) ?? []), Number(number)]);
    }
    return heard;
  }
}

/** Gateways that share a store and forward to one upstream. */
export async function startForwarding(t, { gateways: count = 1, storeUrl = "sqlite:stagedoor.db", env = {} } = {}) {
  const cwd = await emptyDirectory();
  const [hooks, first] = await freePorts(1, 2 * count);
  const file = path.join(cwd, "arrived");
  await writeFile(file, "");
  const upstream = new Upstream(hooks, file);
  t.after(() => upstream.kill());
  await upstream.start();
  const own = {
    PUBLIC_URL: "https://app.example.com",
    ZOOM_WEBHOOK_SECRET_TOKEN: TOKEN,
    WEBHOOK_FORWARD: upstream.url,
    WEBHOOK_SIGNING_SECRET: SIGNING,
    APP_UPSTREAM: "http://127.0.0.1:9",
    LOG_LEVEL: "error",
    DATABASE_URL: storeUrl,
    ...env,
  };
  const gateways = await startGateways(t, { count, first, cwd, env: own });
  return { gateways, upstream, cwd };
}
