// A Redis (or Valkey) server of a test's own: on a free port, in a temporary directory, gone with the test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";

import { emptyDirectory, freePorts } from "./processes.mjs";
import { until } from "./waiting.mjs";

/** What makes a server fit to be a store. */
const SAFE = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];

/** Starts a server that is fit to be a store; everything of it lies in the empty `directory`. */
export async function startRedis(t, directory) {
  const [port] = await freePorts(1);
  const server = new Redis(port);
  t.after(() => server.kill());
  server.directory = directory ?? (await emptyDirectory());
  return server.start();
}

export class Redis {
  constructor(port) {
    this.port = port;
  }

  /** What `REDIS_URL` is to be. */
  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server, after a stop or a kill with its data, and waits until it answers. */
  async start() {
    const args = ["--bind", "127.0.0.1", "--port", String(this.port), "--dir", this.directory, "--loglevel", "warning"];
    this.child = await spawned(["redis-server", "valkey-server"], [...args, ...SAFE]);
    await until("the Redis server answers", async () => {
      if (!this.isRunning) throw new Error("the Redis server has ended");
      return (await this.call("PING").catch(() => null)) === "PONG";
    });
    return this;
  }

  /** Ends the server as an operator would. */
  stop() {
    return this.#end("SIGTERM");
  }

  /** Ends the server as a power cut would, except that the kernel keeps what it was given. */
  kill() {
    return this.#end("SIGKILL");
  }

  async restart() {
    await this.kill();
    return this.start();
  }

  /** Holds the server still: it keeps its connections and answers nobody. */
  pause() {
    this.child.kill("SIGSTOP");
  }

  resume() {
    this.child.kill("SIGCONT");
  }

  /** Whether the server's process is there. */
  get isRunning() {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  async #end(signal) {
    if (!this.isRunning) return;
    const exited = once(this.child, "exit");
    this.child.kill(signal);
    await exited;
  }

  /** One command on a connection of its own. Text comes as a string of bytes (`latin1`). */
  async call(...command) {
    const socket = net.connect(this.port, "127.0.0.1");
    try {
      await once(socket, "connect");
      const words = command.map((word) => `$${Buffer.byteLength(word, "latin1")}\r\n${word}\r\n`);
      socket.write(`*${command.length}\r\n${words.join("")}`, "latin1");
      let received = "";
      for await (const chunk of socket) {
        received += chunk.toString("latin1");
        const answer = parse(received, 0);
        if (!answer) continue;
        if (answer.value instanceof Error) throw answer.value;
        return answer.value;
      }
      throw new Error("the Redis server closed the connection");
    } finally {
      socket.destroy();
    }
  }

  /** Everything that the server holds, keys and values, as one string of bytes to be searched. */
  async dump() {
    const parts = [];
    for (const key of await this.call("KEYS", "*")) {
      parts.push(key, ...flat(await this.#read(key)));
    }
    return parts.join("\n");
  }

  async #read(key) {
    switch (await this.call("TYPE", key)) {
      case "string":
        return this.call("GET", key);
      case "set":
        return this.call("SMEMBERS", key);
      case "zset":
        return this.call("ZRANGE", key, "0", "-1");
      default:
        throw new Error(`nothing of ours is under ${JSON.stringify(key)}`);
    }
  }
}

const flat = (value) => (Array.isArray(value) ? value : [value]);

/** Starts the first of `programs` that there is. A test without a server fails; it is not skipped. */
async function spawned(programs, args) {
  for (const program of programs) {
    const child = spawn(program, args, { stdio: "ignore" });
    const started = await Promise.race([once(child, "spawn").then(() => true), once(child, "error").then(() => false)]);
    if (started) return child;
  }
  throw new Error("install the package redis-server or valkey-server: these tests need a real server");
}

/** Reads a value of RESP 2 at `from`: the value and where it ends, or null while a part of it is still to come. */
function parse(text, from) {
  const end = text.indexOf("\r\n", from);
  if (end < 0) return null;
  const [kind, line, next] = [text[from], text.slice(from + 1, end), end + 2];
  switch (kind) {
    case "+":
      return { value: line, next };
    case "-":
      return { value: new Error(line), next };
    case ":":
      return { value: Number(line), next };
    case "$": {
      const length = Number(line);
      if (length < 0) return { value: null, next };
      return text.length < next + length + 2 ? null : { value: text.slice(next, next + length), next: next + length + 2 };
    }
    case "*": {
      const values = [];
      let at = next;
      for (let left = Number(line); left > 0; left -= 1) {
        const item = parse(text, at);
        if (!item) return null;
        values.push(item.value);
        at = item.next;
      }
      return { value: values, next: at };
    }
    default:
      throw new Error(`the Redis server says ${JSON.stringify(text.slice(from, from + 40))}`);
  }
}
