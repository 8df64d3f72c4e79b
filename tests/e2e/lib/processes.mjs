// Starts the real `stagedoor` binary in a directory of its own, and stops, kills and restarts it.

import { execFile, spawn } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { PATIENCE, sleep } from "./waiting.mjs";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

/** The binary under test: `STAGEDOOR_BIN`, or what `cargo build` made. */
export const BINARY = process.env.STAGEDOOR_BIN ?? path.join(ROOT, "target/debug/stagedoor");

/** The app's own files of a gateway that has no upstream. */
export const SAMPLE = path.join(ROOT, "apps/sample");

/** What Zoom and a gateway know the app by. */
export const ZOOM_APP = { ZOOM_CLIENT_ID: "e2eClientId01", ZOOM_CLIENT_SECRET: "canary-client-secret-5Zq8Lk2Vw7Rt" };

/** One running `stagedoor` command. */
export class Process {
  constructor(args, { cwd, env = {}, readyUrls }) {
    Object.assign(this, { args, cwd, env, readyUrls });
    this.output = "";
  }

  async start() {
    const env = { PATH: process.env.PATH, HOME: this.cwd, ...this.env };
    this.child = spawn(BINARY, this.args, { cwd: this.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const keep = (chunk) => (this.output += chunk);
    this.child.stdout.on("data", keep);
    this.child.stderr.on("data", keep);
    await Promise.all(this.readyUrls.map((url) => this.#answers(url)));
    return this;
  }

  /** Ends the process as an operator would, and waits until all that it said has arrived; the exit code is the result. */
  async stop() {
    return this.#end("SIGTERM", "close");
  }

  /** Ends the process as a power cut would; and `others` by their ids in the same moment. */
  async kill(others = []) {
    return this.#end("SIGKILL", "exit", others);
  }

  /** How much memory it has, in MiB. */
  async memory() {
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) / 1024);
  }

  /** What it tells who scrapes it. */
  async metrics() {
    return (await fetch(`${this.admin}/metrics`)).text();
  }

  /** The ids of the processes that this one has started. */
  async children() {
    const found = await promisify(execFile)("pgrep", ["-P", String(this.child.pid)]).catch(() => ({ stdout: "" }));
    return found.stdout.split("\n").filter(Boolean).map(Number);
  }

  async #end(signal, event, others = []) {
    if (!this.child || this.#hasEnded()) return null;
    const ended = once(this.child, event);
    this.child.kill(signal);
    for (const pid of others) tell(pid, signal);
    const [code] = await ended;
    return code;
  }

  #hasEnded() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async #answers(url) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      if (this.#hasEnded()) throw new Error(`stagedoor ${this.args.join(" ")} ended:\n${this.output}`);
      try {
        await fetch(url, { redirect: "manual" });
        return;
      } catch {
        if (Date.now() > deadline) throw new Error(`nothing answers at ${url}:\n${this.output}`);
        await sleep(25);
      }
    }
  }
}

/** Sends a signal, where there is somebody left to hear it. */
export function tell(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** `stagedoor dev` with the emulator's page, its control port and the app. */
export async function startDev(t, ...args) {
  const cwd = await emptyDirectory();
  const [app, zoom] = await freePorts(1, 6);
  const origins = addresses(app, zoom);
  const command = ["dev", "--port", String(app), "--emulator-port", String(zoom), ...args];
  const dev = new Process(command, { cwd, readyUrls: [origins.zoom, origins.app] });
  t.after(() => dev.kill());
  await dev.start();
  return { dev, ...origins, control: new Control(origins.controlPort) };
}

/** `stagedoor emulator` alone, for a backend of the test's own at `home`. */
export async function startEmulator(t, home, ...args) {
  const cwd = await emptyDirectory();
  const [zoom] = await freePorts(6);
  const origins = addresses(0, zoom);
  const command = ["emulator", "--port", String(zoom), "--home-url", home, ...args];
  const env = {
    ZOOM_CLIENT_ID: "e2eClientId01",
    ZOOM_CLIENT_SECRET: "e2e-client-secret-Vw7Rt5Zq8Lk2",
    ZOOM_WEBHOOK_SECRET_TOKEN: "e2e-webhook-secret-Qm4Zt8",
  };
  const emulator = new Process(command, { cwd, env, readyUrls: [origins.zoom] });
  t.after(() => emulator.kill());
  await emulator.start();
  return { ...origins, control: new Control(origins.controlPort), clientSecret: env.ZOOM_CLIENT_SECRET, webhookSecret: env.ZOOM_WEBHOOK_SECRET_TOKEN };
}

/** The emulator and the gateway as two processes, so that one can die without the other. */
export async function startApart(t, { gatewayArgs = [], env = {} } = {}) {
  const cwd = await emptyDirectory();
  const [app, admin, zoom] = await freePorts(1, 1, 6);
  const origins = addresses(app, zoom);
  const command = ["emulator", "--port", String(zoom), "--redirect-url", `${origins.app}/zoom/callback`, "--home-url", `${origins.app}/`];
  const emulator = new Process(command, { cwd, env: ZOOM_APP, readyUrls: [origins.zoom] });
  t.after(() => emulator.kill());
  await emulator.start();
  const gateway = await startGateway(t, {
    ...{ cwd, port: app, admin, args: gatewayArgs },
    env: { PUBLIC_URL: origins.app, ZOOM_HOST: origins.zoom, APP_ROOT: SAMPLE, ...env },
  });
  return { emulator, gateway, admin: gateway.admin, ...origins, control: new Control(origins.controlPort) };
}

/** `stagedoor serve` on the ports `port` and `admin`; `env` says what is in front of it and behind it. */
export async function startGateway(t, { cwd, port, admin, args = [], env }) {
  const origin = `http://127.0.0.1:${port}`;
  const gateway = new Process(["serve", ...args], {
    ...{ cwd, readyUrls: [origin] },
    env: {
      ...ZOOM_APP,
      LISTEN: `127.0.0.1:${port}`,
      ADMIN_LISTEN: `127.0.0.1:${admin}`,
      STAGEDOOR_SECRET: "canary-master-secret-0123456789-abcdefghij",
      DATABASE_URL: "sqlite:stagedoor.db",
      ...env,
    },
  });
  Object.assign(gateway, { port, origin, admin: `http://127.0.0.1:${admin}` });
  t.after(() => gateway.kill());
  return gateway.start();
}

/** Where everything is with the app at the port `app` and the emulator at `zoom` and the ports after it. */
export function addresses(app, zoom) {
  const at = (port) => `http://localhost:${port}`;
  return { app: at(app), zoom: at(zoom), webView: at(zoom + 1), controlPort: at(zoom + 2), webClient: `http://127.0.0.1:${zoom}/web`, webFrame: at(zoom + 3), website: at(zoom + 4), provider: at(zoom + 5) };
}

/** `count` gateways on pairs of neighbouring ports from `first` on, started at once. */
export function startGateways(t, { count, first, ...options }) {
  const start = (_, index) => startGateway(t, { ...options, port: first + 2 * index, admin: first + 2 * index + 1 });
  return Promise.all(Array.from({ length: count }, start));
}

/** The emulator's control port. */
export class Control {
  constructor(origin) {
    this.origin = origin;
  }

  async call(method, what, body) {
    const answer = await fetch(`${this.origin}/control/${what}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /control/${what}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  get(what) {
    return this.call("GET", what);
  }

  put(what, body) {
    return this.call("PUT", what, body);
  }

  post(what, body = {}) {
    return this.call("POST", what, body);
  }

  /** What Zoom's token endpoint was asked; `grant` is a grant type of OAuth, where only those calls count. */
  async tokenCalls(grant) {
    const calls = (await this.get("requests")).filter(({ url }) => url.endsWith("/oauth/token"));
    return grant ? calls.filter(({ body }) => String(body).includes(`grant_type=${grant}`)) : calls;
  }

  /** Lets the emulator forget what it was asked. */
  forgetRequests() {
    return this.call("DELETE", "requests");
  }
}

/** A directory of the test's own; gone when all tests of the file are over, and nobody writes to it any more. */
export async function emptyDirectory() {
  const directory = await mkdtemp(path.join(os.tmpdir(), "stagedoor-e2e-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/**
 * First ports of runs of free neighbours, one run for each length. They lie below the ports that the system gives to
 * outgoing connections, so that none is taken between the look and the start; and no other test gets them, in whatever
 * process, as long as this one runs.
 */
export async function freePorts(...lengths) {
  const found = [];
  while (found.length < lengths.length) {
    const first = 10_000 + Math.floor(Math.random() * 22_000);
    const run = Array.from({ length: lengths[found.length] }, (_, index) => first + index);
    const claims = await Promise.all(run.map(claim));
    if (claims.every(Boolean) && (await Promise.all(run.map(isFree))).every(Boolean)) found.push(first);
    else claims.forEach((claimed) => claimed?.close());
  }
  return found;
}

/** Takes the UDP port of the same number, which nobody needs: a lock that ends with its process. */
function claim(port) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket("udp4").unref();
    socket.once("error", () => socket.close(() => resolve(null)));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(socket));
  });
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
