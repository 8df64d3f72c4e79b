// A PostgreSQL server of a test's own: on a free port, in a temporary directory, gone with the test.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import { emptyDirectory, freePorts } from "./processes.mjs";
import { sleep } from "./waiting.mjs";

const PASSWORD = "canary-database-password";

/** PostgreSQL does not run as root. */
const NOBODY = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Starts a server that waits for the disk as in production; everything of it lies in the empty `directory`. */
export async function startPostgres(t, directory) {
  const [port] = await freePorts(1);
  const server = new Postgres(port, directory ?? (await emptyDirectory(t)));
  server.create();
  await server.start();
  t.after(() => server.kill());
  return server;
}

export class Postgres {
  constructor(port, directory) {
    Object.assign(this, { port, directory, data: path.join(directory, "data") });
  }

  /** What `DATABASE_URL` is to be. */
  get url() {
    return `postgres://stagedoor:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  create() {
    const password = path.join(this.directory, "password");
    writeFileSync(password, PASSWORD);
    if (NOBODY.uid) for (const mine of [this.directory, password]) chownSync(mine, NOBODY.uid, NOBODY.gid);
    this.#run("initdb", ["--username=stagedoor", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"].concat(`--pwfile=${password}`, `--pgdata=${this.data}`));
  }

  /** Starts the server, after a stop or a kill with its data, and waits until it answers. */
  async start() {
    const settings = [`port=${this.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${this.directory}`];
    const args = ["-D", this.data, ...settings.flatMap((setting) => ["-c", setting])];
    this.child = spawn(program("postgres"), args, { cwd: this.directory, stdio: "ignore", ...NOBODY });
    const deadline = Date.now() + 30_000;
    const ready = ["--quiet", "--host=127.0.0.1", `--port=${this.port}`];
    while (spawnSync(program("pg_isready"), ready).status !== 0) {
      if (this.child.exitCode !== null || Date.now() > deadline) throw new Error("the PostgreSQL server does not answer");
      await sleep(50);
    }
    return this;
  }

  /** Ends the server as an operator would who does not wait for its clients. */
  stop() {
    return this.#end(() => this.child.kill("SIGINT"));
  }

  /** Ends every process of the server at once, as a power cut would, except that the kernel keeps what it was given. */
  kill() {
    return this.#end(() => this.#signal("KILL"));
  }

  async restart() {
    await this.kill();
    return this.start();
  }

  /** Holds the server still: it keeps its connections and answers nobody. */
  pause() {
    this.#signal("STOP");
  }

  resume() {
    this.#signal("CONT");
  }

  /** What a statement says, one line a row. */
  sql(statement) {
    const args = ["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", this.url];
    return this.#run("psql", [...args, "--command", statement]);
  }

  /** Lets nobody write. */
  setReadOnly(isReadOnly) {
    this.sql(`ALTER SYSTEM SET default_transaction_read_only = ${isReadOnly ? "on" : "off"}`);
    this.sql("SELECT pg_reload_conf()");
  }

  /** Everything that a backup would hold, as one string of bytes. */
  dump() {
    const bytes = (_, hex) => Buffer.from(hex, "hex").toString("latin1");
    return this.#run("pg_dump", ["--dbname", this.url]).replaceAll(/\\\\x([0-9a-f]+)/g, bytes);
  }

  /** Whether the server's first process is there. */
  get isRunning() {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  async #end(end) {
    if (!this.isRunning) return;
    const exited = once(this.child, "exit");
    end();
    await exited;
  }

  /** The first process, stopped so that it starts no others meanwhile, then its children. */
  #signal(name) {
    const { pid } = this.child;
    process.kill(pid, "SIGSTOP");
    const children = spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
    for (const one of [pid, ...children]) process.kill(Number(one), `SIG${name}`);
  }

  #run(name, args) {
    const options = { cwd: this.directory, encoding: "utf8", maxBuffer: 1 << 28, ...NOBODY };
    const { status, stdout, stderr } = spawnSync(program(name), args, options);
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    return stdout;
  }
}

/** Debian keeps the server's programs apart. A test without a server fails; it is not skipped. */
function program(name) {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => path.join(debian, version, "bin")) : [];
  const found = [...process.env.PATH.split(":"), ...versions].map((place) => path.join(place, name)).find(existsSync);
  if (!found) throw new Error(`install the package postgresql: these tests need a real server (${name})`);
  return found;
}
