// A server of a test's own.

import { once } from "node:events";
import http from "node:http";

/** Answers on loopback with `answer` until the test ends; `origin` has the host `name`. */
export async function startServer(t, answer, name = "localhost") {
  const server = http.createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return Object.assign(server, { origin: `http://${name}:${server.address().port}` });
}
