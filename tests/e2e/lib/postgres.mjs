// A PostgreSQL server of a test's own: on a free port, in a temporary directory, gone with the test.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";

import { emptyDirectory, freePorts } from "./processes.mjs";

const PASSWORD = "canary-database-password";

/** Starts a server that waits for the disk as in production. */
export async function startPostgres(t) {
  const [port] = await freePorts(1);
  const server = new Postgres(port, await emptyDirectory(t), await programs());
  await server.initialise();
  await server.start();
  t.after(() => server.kill());
  return server;
}

export class Postgres {
  constructor(port, directory, bin) {
    Object.assign(this, { port, directory, bin, data: path.join(directory, "data") });
  }

  /** What `DATABASE_URL` is to be. */
  get url() {
    return `postgres://stagedoor:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  async initialise() {
    const password = path.join(this.directory, "password");
    await writeFile(password, PASSWORD);
    await mkdir(this.data);
    if (IS_ROOT) execFileSync("chown", ["-R", USER, this.directory]);
    await chmod(this.directory, 0o755);
    const options = ["--username=stagedoor", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];
    this.#run("initdb", [...options, `--pwfile=${password}`, `--pgdata=${this.data}`]);
  }

  /** Starts the server, after a stop or a kill with its data, and waits until it answers. */
  async start() {
    const settings = [`port=${this.port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${this.directory}`, "shared_buffers=32MB"];
    const [program, args] = unprivileged(path.join(this.bin, "postgres"), ["-D", this.data, ...settings.flatMap((setting) => ["-c", setting])]);
    this.child = spawn(program, args, { stdio: "ignore", cwd: this.directory });
    const deadline = Date.now() + 30_000;
    for (;;) {
      if (this.child.exitCode !== null || Date.now() > deadline) throw new Error("the PostgreSQL server does not answer");
      try {
        execFileSync(path.join(this.bin, "pg_isready"), ["--quiet", "--host=127.0.0.1", `--port=${this.port}`]);
        return this;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Ends every process of the server at once, as a crash does. */
  async kill() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, "exit");
    this.#signal("KILL");
    await exited;
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

  /** Everything that a backup would hold, as text, to be searched. */
  async dump() {
    return execFileSync(path.join(this.bin, "pg_dump"), [`--dbname=${this.url}`], { encoding: "latin1", maxBuffer: 1 << 30 });
  }

  /** Runs a statement as the superuser. */
  sql(statement) {
    const options = ["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"];
    return execFileSync(path.join(this.bin, "psql"), [...options, `--dbname=${this.url}`, "--command", statement], { encoding: "utf8" });
  }

  /** The first process, stopped so that it starts no others meanwhile, and its children. */
  #signal(name) {
    const kill = (signal, pids) => execFileSync("kill", [`-${signal}`, ...pids], { stdio: "ignore" });
    const first = String(this.child.pid);
    kill("STOP", [first]);
    let children = [];
    try {
      children = execFileSync("pgrep", ["-P", first], { encoding: "utf8" }).split("\n").filter(Boolean);
    } catch {
      // It has none.
    }
    kill(name, [...children, first]);
  }

  #run(name, options) {
    const [program, args] = unprivileged(path.join(this.bin, name), options);
    execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: this.directory });
  }
}

const IS_ROOT = process.getuid() === 0;

/** PostgreSQL refuses to run as root; its Debian package brings this user. */
const USER = "postgres";

/** `setpriv` becomes the program, so that the process that is started is the server itself. */
function unprivileged(program, args) {
  return IS_ROOT ? ["setpriv", [`--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", program, ...args]] : [program, args];
}

/** Where the server's programs are. A test without a server fails; it is not skipped. */
async function programs() {
  const root = "/usr/lib/postgresql";
  const versions = await readdir(root).catch(() => []);
  const debian = versions.sort((a, b) => Number(b) - Number(a)).map((version) => path.join(root, version, "bin"));
  for (const directory of [...(process.env.PATH ?? "").split(":"), ...debian]) {
    const names = await readdir(directory).catch(() => []);
    if (names.includes("initdb") && names.includes("pg_isready")) return directory;
  }
  throw new Error("install the package postgresql: these tests need a real server");
}
