// An upstream that takes forwarded webhooks, as a process of its own that can be killed at any instant: it verifies,
// writes a line to the disk, and answers. Started as `node webhook-upstream.mjs PORT FILE`, with the secret in the
// environment.

import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import http from "node:http";

const [port, file] = process.argv.slice(2);
const key = Buffer.from(process.env.WEBHOOK_SECRET.slice("whsec_".length), "base64");
const log = openSync(file, "a");

function verify(headers, body) {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const expected = createHmac("sha256", key).update(signed).digest();
  return headers["webhook-signature"].split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

http
  .createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    if (!verify(request.headers, body)) return response.writeHead(401).end();
    const { id, number } = JSON.parse(body).payload.object;
    writeSync(log, `${request.headers["webhook-id"]} ${id} ${number}\n`);
    fsyncSync(log);
    response.writeHead(204).end();
  })
  .listen(Number(port), "127.0.0.1", () => console.log("listening"));

process.on("exit", () => closeSync(log));
