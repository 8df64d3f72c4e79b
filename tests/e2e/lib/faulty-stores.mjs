// What can happen to each store while a gateway serves.

import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import path from "node:path";

import { mountDisk } from "./disk.mjs";
import { startPostgres } from "./postgres.mjs";
import { startRedis } from "./redis.mjs";
import { until } from "./waiting.mjs";

/** The store `start` with a disk of its own, `disk`. */
const onDisk = (start) => async (t) => {
  const disk = await mountDisk(t);
  return Object.assign(await start(t, disk.directory), { disk });
};

/** The database and its log. The index of the log is memory that is shared, and stays so. */
const SQLITE_FILES = ["stagedoor.db", "stagedoor.db-wal"];

const sqliteOnDisk = onDisk((_, directory) => ({ url: `sqlite:${directory}/stagedoor.db` }));

/** What happens to a server, whichever it is. */
const OF_SERVERS = {
  down: { reads: false, begin: ({ store }) => store.kill(), end: ({ store }) => store.start() },
  slow: { reads: false, begin: ({ store }) => store.pause(), end: ({ store }) => store.resume() },
};

/** A full disk ends a server at its next `write`. When there is room its operator starts it again. */
const fullDisk = (start, write) => ({
  reads: false,
  start: onDisk(start),
  async begin({ store }) {
    await store.disk.fill();
    await write(store);
    await until("the server ends", () => !store.isRunning);
  },
  async end({ store }) {
    await store.disk.empty();
    return store.start();
  },
});

/**
 * The faults of each of the `STORES`. They begin and end, given the store and the gateway; `reads` says whether records
 * can still be read meanwhile. Where a fault has a `start`, it is for a store that the fault can happen to.
 */
export const FAULTS = {
  SQLite: {
    down: {
      reads: false,
      begin: ({ gateway: { cwd } }) => rename(path.join(cwd, "stagedoor.db"), path.join(cwd, "away.db")),
      end: ({ gateway: { cwd } }) => rename(path.join(cwd, "away.db"), path.join(cwd, "stagedoor.db")),
    },
    slow: {
      reads: false,
      start: sqliteOnDisk,
      begin: ({ store }) => store.disk.hold(),
      end: ({ store }) => store.disk.release(),
    },
    "read-only": {
      reads: true,
      start: sqliteOnDisk,
      begin: ({ store }) => store.disk.protect(...SQLITE_FILES),
      end: ({ store }) => store.disk.unprotect(...SQLITE_FILES),
    },
    "its disk full": {
      reads: true,
      start: sqliteOnDisk,
      begin: ({ store }) => store.disk.fill(),
      end: ({ store }) => store.disk.empty(),
    },
  },

  PostgreSQL: {
    ...OF_SERVERS,
    "read-only": {
      reads: true,
      begin: ({ store }) => store.setReadOnly(true),
      end: ({ store }) => store.setReadOnly(false),
    },
    "its disk full": fullDisk(startPostgres, (store) => until("the log finds no room", async () => !(await endsItsLog(store)))),
  },

  Redis: {
    ...OF_SERVERS,
    // It wants a replica, and there is none.
    "read-only": {
      reads: true,
      begin: ({ store }) => store.call("CONFIG", "SET", "min-replicas-to-write", "1"),
      end: ({ store }) => store.call("CONFIG", "SET", "min-replicas-to-write", "0"),
    },
    "its memory full": {
      reads: true,
      begin: ({ store }) => store.call("CONFIG", "SET", "maxmemory", "1mb"),
      end: ({ store }) => store.call("CONFIG", "SET", "maxmemory", "0"),
    },
    // The write is longer than what is left of the last block of the log.
    "its disk full": fullDisk(startRedis, (store) => assert.rejects(store.call("SET", "filler", "x".repeat(65_536)))),
  },
};

/** Goes on to the next file of the log, and says whether there was one: a few are made in advance. */
function endsItsLog(store) {
  const next = store.sql("SELECT pg_logical_emit_message(true, '', ''), pg_switch_wal()");
  return next.then(() => true, () => false);
}
