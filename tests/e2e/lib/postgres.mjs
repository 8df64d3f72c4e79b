// A PostgreSQL server of a test's own: on a free port, in a temporary directory, gone with the test.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { chown, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

import { emptyDirectory, freePorts, tell } from "./processes.mjs";
import { until } from "./waiting.mjs";

/** Never the kind that waits: whoever measures meanwhile in the same process would wait too. */
const run = promisify(execFile);

const PASSWORD = "canary-database-password";

/** PostgreSQL does not run as root. */
const NOBODY = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Starts a server that waits for the disk as in production; everything of it lies in the empty `directory`. */
export async function startPostgres(t, directory) {
  const [port] = await freePorts(1);
  const server = new Postgres(port);
  t.after(() => server.stop());
  await server.create(directory ?? (await emptyDirectory()));
  return server.start();
}

export class Postgres {
  constructor(port) {
    Object.assign(this, { port, log: "" });
  }

  /** What `DATABASE_URL` is to be. */
  get url() {
    return `postgres://stagedoor:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  async create(directory) {
    Object.assign(this, { directory, data: path.join(directory, "data") });
    const password = path.join(directory, "password");
    await writeFile(password, PASSWORD);
    if (NOBODY.uid) for (const mine of [directory, password]) await chown(mine, NOBODY.uid, NOBODY.gid);
    const settings = ["--username=stagedoor", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];
    // The smallest there is: nothing here writes much, and a disk is full sooner.
    settings.push("--wal-segsize=1");
    await this.#run("initdb", [...settings, `--pwfile=${password}`, `--pgdata=${this.data}`]);
  }

  /** Starts the server, after a stop or a kill with its data, and waits until it answers. */
  async start() {
    const settings = [`port=${this.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${this.directory}`];
    const args = ["-D", this.data, ...settings.flatMap((setting) => ["-c", setting])];
    this.child = spawn(program("postgres"), args, { cwd: this.directory, stdio: ["ignore", "ignore", "pipe"], ...NOBODY });
    this.child.stderr.on("data", (chunk) => (this.log += chunk));
    const ready = ["--quiet", "--host=127.0.0.1", `--port=${this.port}`];
    await until(() => `the PostgreSQL server answers\n${this.log}`, async () => {
      if (!this.isRunning) throw new Error(`the PostgreSQL server has ended\n${this.log}`);
      return run(program("pg_isready"), ready).then(() => true, () => false);
    });
    return this;
  }

  /** Ends the server at once. Unlike a kill it leaves nothing behind in the system's shared memory, which outlives processes. */
  async stop() {
    if (!this.isRunning) return;
    // Whoever is held still hears nothing.
    await this.resume();
    await this.#end(() => tell(this.child.pid, "SIGQUIT"));
  }

  /** Ends every process of the server at once, as a power cut would, except that the kernel keeps what it was given. */
  async kill() {
    if (!this.isRunning) return;
    const family = await this.#family();
    await this.#end(() => family.forEach((pid) => tell(pid, "SIGKILL")));
    // As long as one of them is there, no other server starts with this data.
    await until("the end of the PostgreSQL server", () => family.every(isGone));
  }

  async restart() {
    await this.kill();
    return this.start();
  }

  /** Holds the server still: it keeps its connections and answers nobody. */
  async pause() {
    for (const pid of await this.#family()) tell(pid, "SIGSTOP");
  }

  async resume() {
    for (const pid of await this.#family()) tell(pid, "SIGCONT");
  }

  /** What a statement says, one line a row. */
  sql(statement) {
    const args = ["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", this.url];
    return this.#run("psql", [...args, "--command", statement]);
  }

  /** Lets nobody write. */
  async setReadOnly(isReadOnly) {
    await this.sql(`ALTER SYSTEM SET default_transaction_read_only = ${isReadOnly ? "on" : "off"}`);
    await this.sql("SELECT pg_reload_conf()");
  }

  /** Everything that a backup would hold, as one string of bytes. */
  async dump() {
    const bytes = (_, hex) => Buffer.from(hex, "hex").toString("latin1");
    return (await this.#run("pg_dump", ["--dbname", this.url])).replaceAll(/\\\\x([0-9a-f]+)/g, bytes);
  }

  /** Whether the server's first process is there. */
  get isRunning() {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  async #end(end) {
    const exited = once(this.child, "exit");
    end();
    await exited;
  }

  /** The ids of the first process, which is stopped so that it starts no others meanwhile, and before it of all others. */
  async #family() {
    const { pid } = this.child;
    tell(pid, "SIGSTOP");
    const { stdout } = await run("pgrep", ["-P", String(pid)]).catch(() => ({ stdout: "" }));
    return [...stdout.split("\n").filter(Boolean).map(Number), pid];
  }

  async #run(name, args) {
    const options = { cwd: this.directory, encoding: "utf8", maxBuffer: 1 << 28, ...NOBODY };
    return (await run(program(name), args, options)).stdout;
  }
}

/** Whether a process has ended; it may still be listed. */
function isGone(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return true;
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
