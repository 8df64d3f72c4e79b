// The stores that a deployment can choose from, each a real one: a file, or a server on a free port.

import { startPostgres } from "./postgres.mjs";
import { startRedis } from "./redis.mjs";

/** By name: starts the store for a test and gives its URL. */
export const STORES = {
  SQLite: async () => "sqlite:stagedoor.db",
  PostgreSQL: async (t) => (await startPostgres(t)).url,
  Redis: async (t) => (await startRedis(t)).url,
};
