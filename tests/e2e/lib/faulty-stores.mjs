// Real stores, and what can happen to each of them while a gateway serves.

import { spawnSync } from "node:child_process";
import { rename } from "node:fs/promises";
import path from "node:path";

import { startPostgres } from "./postgres.mjs";
import { startRedis } from "./redis.mjs";

/**
 * Each store starts, and names the settings of its gateway. Each of its faults begins and ends, given the gateway and the
 * server; `reads` says whether records can still be read meanwhile.
 */
export const STORES = {
  SQLite: {
    // Without the trap, the first write behind the limit on files would end the gateway.
    start: async () => ({ env: { DATABASE_URL: "sqlite:stagedoor.db" }, wrapper: ["sh", "-c", `trap '' XFSZ; exec "$0" "$@"`] }),
    faults: {
      down: {
        reads: false,
        begin: ({ gateway: { cwd } }) => rename(path.join(cwd, "stagedoor.db"), path.join(cwd, "away.db")),
        end: ({ gateway: { cwd } }) => rename(path.join(cwd, "away.db"), path.join(cwd, "stagedoor.db")),
      },
      // A limit on the size of its files stands in for a full disk: a write behind it fails.
      full: {
        reads: true,
        begin: ({ gateway }) => limitFiles(gateway.child.pid, "1000"),
        end: ({ gateway }) => limitFiles(gateway.child.pid, "unlimited"),
      },
    },
  },

  PostgreSQL: {
    start: async (t) => {
      const server = await startPostgres(t);
      return { server, env: { DATABASE_URL: server.url } };
    },
    // A full disk ends the server, as `down` does.
    faults: {
      down: { reads: false, begin: ({ server }) => server.kill(), end: ({ server }) => server.start() },
      slow: { reads: false, begin: ({ server }) => server.pause(), end: ({ server }) => server.resume() },
      "read-only": {
        reads: true,
        begin: ({ server }) => server.setReadOnly(true),
        end: ({ server }) => server.setReadOnly(false),
      },
    },
  },

  Redis: {
    start: async (t) => {
      const server = await startRedis(t);
      return { server, env: { DATABASE_URL: server.url } };
    },
    faults: {
      down: { reads: false, begin: ({ server }) => server.kill(), end: ({ server }) => server.start() },
      slow: { reads: false, begin: ({ server }) => server.pause(), end: ({ server }) => server.resume() },
      // It wants a replica, and there is none.
      "read-only": {
        reads: true,
        begin: ({ server }) => server.call("CONFIG", "SET", "min-replicas-to-write", "1"),
        end: ({ server }) => server.call("CONFIG", "SET", "min-replicas-to-write", "0"),
      },
      full: {
        reads: true,
        begin: ({ server }) => server.call("CONFIG", "SET", "maxmemory", "1mb"),
        end: ({ server }) => server.call("CONFIG", "SET", "maxmemory", "0"),
      },
    },
  },
};

function limitFiles(pid, bytes) {
  const { status, stderr } = spawnSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:`], { encoding: "utf8" });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}
