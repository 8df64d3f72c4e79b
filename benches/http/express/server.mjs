// A Zoom App's home page as a careful Node developer writes it: Express, helmet, a signed cookie session, node:crypto.

import crypto from "node:crypto";
import { readFileSync } from "node:fs";

import cookieSession from "cookie-session";
import express from "express";
import helmet from "helmet";

const [port, secret, clientId, root] = process.argv.slice(2);
const key = crypto.createHash("sha256").update(secret).digest();
const page = readFileSync(`${root}/index.html`);

function open(context) {
  const bytes = Buffer.from(context, "base64url");
  const iv = bytes.subarray(1, 1 + bytes[0]);
  let at = 1 + bytes[0];
  const aad = bytes.subarray(at + 2, at + 2 + bytes.readUInt16LE(at));
  at += 2 + aad.length;
  const sealed = bytes.subarray(at + 4, at + 4 + bytes.readInt32LE(at));
  const tag = bytes.subarray(at + 4 + sealed.length);
  const cipher = crypto.createDecipheriv("aes-256-gcm", key, iv, { authTagLength: 16 }).setAAD(aad).setAuthTag(tag);
  const claims = JSON.parse(cipher.update(sealed, undefined, "utf8") + cipher.final("utf8"));
  if (claims.aud !== clientId || !(claims.exp > Date.now())) throw new Error("not for this app, or expired");
  return claims;
}

const app = express();
app.use(helmet());
app.use(cookieSession({ name: "session", keys: [secret], httpOnly: true, sameSite: "none", maxAge: 86_400_000 }));
app.get("/", (request, response) => {
  const context = request.get("x-zoom-app-context");
  if (!context) return response.status(401).end();
  const { uid, typ, mid, attendrole } = open(context);
  request.session = { uid, typ, mid, attendrole };
  response.set("cache-control", "no-store").type("html").send(page);
});
app.listen(Number(port), "127.0.0.1");
