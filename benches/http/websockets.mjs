// Both ends of idle WebSockets (RFC 6455), as far as opening them goes: `upstream PORT` takes them, and
// `client PORT COUNT COOKIE` opens them, some at a time, and prints how many are open.
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { createServer } from "node:http";

const [role, port, count, cookie] = process.argv.slice(2);
const atATime = 100;

if (role === "upstream") {
  const server = createServer((_, response) => response.end("a page"));
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on("error", () => {});
  });
  server.listen(port, "127.0.0.1");
} else {
  const head = ["GET /socket HTTP/1.1", `Host: localhost:${port}`, `Origin: http://localhost:${port}`, `Cookie: ${cookie}`,
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""];
  const open = () => new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(head.join("\r\n")));
    socket.once("data", (answer) => (String(answer).startsWith("HTTP/1.1 101 ") ? resolve() : reject(new Error(String(answer)))));
    socket.on("error", reject);
  });
  for (let opened = 0; opened < count; opened += atATime) {
    await Promise.all(Array.from({ length: Math.min(atATime, count - opened) }, open));
  }
  console.log(count);
}
