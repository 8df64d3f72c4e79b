// A proxy that makes a browser's network slow: every request, and every piece of an answer, waits for a random while, so
// that what is fast on one machine comes late, and in another order, on the next.

import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

import { sleep } from "./waiting.mjs";

/** Passes everything on, each time up to `longest` milliseconds late; gives its address. */
export async function startSlowProxy(longest) {
  const dawdle = () => sleep(Math.random() * longest);

  const server = http.createServer(async (request, response) => {
    await dawdle();
    const { "proxy-connection": _, ...headers } = request.headers;
    const outward = http.request(request.url, { method: request.method, headers, agent: false });
    // Where nothing answers, the browser gets nothing either.
    outward.on("error", () => response.destroy());
    response.on("close", () => outward.destroy());
    outward.on("response", async (answer) => {
      const late = new Transform({ transform: (piece, _, pass) => dawdle().then(() => pass(null, piece)) });
      await dawdle();
      response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
      response.flushHeaders();
      await pipeline(answer, late, response).catch(() => response.destroy());
    });
    request.pipe(outward);
  });
  // A WebSocket asks for a tunnel.
  server.on("connect", async (request, socket) => {
    await dawdle();
    const [host, port] = request.url.split(":");
    const outward = net.connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      pipeline(socket, outward, socket).catch(() => {});
    });
    outward.on("error", () => socket.destroy());
    socket.on("error", () => outward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}
