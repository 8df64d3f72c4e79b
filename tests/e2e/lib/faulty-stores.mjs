// What can happen to each store while a gateway serves.

import { spawnSync } from "node:child_process";
import { rename } from "node:fs/promises";
import path from "node:path";

/** What happens to a server, whichever it is. */
const OF_SERVERS = {
  down: { reads: false, begin: ({ store }) => store.kill(), end: ({ store }) => store.start() },
  slow: { reads: false, begin: ({ store }) => store.pause(), end: ({ store }) => store.resume() },
};

/**
 * The faults of each of the `STORES`. They begin and end, given the store and the gateway; `reads` says whether records
 * can still be read meanwhile, and `wrapper` what the gateway is to be started with.
 */
export const FAULTS = {
  SQLite: {
    down: {
      reads: false,
      begin: ({ gateway: { cwd } }) => rename(path.join(cwd, "stagedoor.db"), path.join(cwd, "away.db")),
      end: ({ gateway: { cwd } }) => rename(path.join(cwd, "away.db"), path.join(cwd, "stagedoor.db")),
    },
    // A limit on the size of its files stands in for a full disk: a write behind it fails. Without the trap, the first
    // of those would end the gateway.
    full: {
      reads: true,
      wrapper: ["sh", "-c", `trap '' XFSZ; exec "$0" "$@"`],
      begin: ({ gateway }) => limitFiles(gateway.child.pid, "1000"),
      end: ({ gateway }) => limitFiles(gateway.child.pid, "unlimited"),
    },
  },

  // A full disk ends the server, as `down` does.
  PostgreSQL: {
    ...OF_SERVERS,
    "read-only": {
      reads: true,
      begin: ({ store }) => store.setReadOnly(true),
      end: ({ store }) => store.setReadOnly(false),
    },
  },

  Redis: {
    ...OF_SERVERS,
    // It wants a replica, and there is none.
    "read-only": {
      reads: true,
      begin: ({ store }) => store.call("CONFIG", "SET", "min-replicas-to-write", "1"),
      end: ({ store }) => store.call("CONFIG", "SET", "min-replicas-to-write", "0"),
    },
    full: {
      reads: true,
      begin: ({ store }) => store.call("CONFIG", "SET", "maxmemory", "1mb"),
      end: ({ store }) => store.call("CONFIG", "SET", "maxmemory", "0"),
    },
  },
};

function limitFiles(pid, bytes) {
  const { status, stderr } = spawnSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:`], { encoding: "utf8" });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}
