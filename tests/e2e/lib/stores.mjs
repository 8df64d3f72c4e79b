// The stores that a deployment can choose from, each a real one: a file, or a server on a free port.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import { startPostgres } from "./postgres.mjs";
import { startRedis } from "./redis.mjs";

const SQLITE = {
  url: "sqlite:stagedoor.db",
  async dump(cwd) {
    const names = (await readdir(cwd)).filter((name) => name.startsWith("stagedoor.db"));
    return (await Promise.all(names.map((name) => readFile(path.join(cwd, name), "latin1")))).join("\n");
  },
};

/**
 * By name: starts the store for a test. Its `url` is what `DATABASE_URL` is to be, and `dump(cwd)` gives everything that
 * a backup of it would hold, as one string of bytes, for gateways that run in `cwd`.
 */
export const STORES = {
  SQLite: () => SQLITE,
  PostgreSQL: (t) => startPostgres(t),
  Redis: (t) => startRedis(t),
};
