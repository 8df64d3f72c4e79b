// Consumer and Cobrowse tokens as a careful Node developer writes them: Fastify with a schema, node:crypto, keys prepared
// once, the same checks as Stagedoor.

import crypto from "node:crypto";
import { readFileSync } from "node:fs";

import Fastify from "fastify";

const [port, keyFile, siteSecret, sdkKey, sdkSecret, origin] = process.argv.slice(2);
const key = crypto.createPrivateKey(readFileSync(keyFile));
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const header = part({ alg: "ES256", cty: "text/plain" });
const hs256 = part({ alg: "HS256", typ: "JWT" });

/** The site's own session, by the rules of RFC 8725; null where it is not one. */
function visitor(cookies) {
  const token = /(?:^|; )session=([^;]+)/.exec(cookies ?? "")?.[1];
  const [head, body, signature] = token?.split(".") ?? [];
  if (!signature) return null;
  const expected = crypto.createHmac("sha256", siteSecret).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !crypto.timingSafeEqual(given, expected)) return null;
  if (JSON.parse(Buffer.from(head, "base64url")).alg !== "HS256") return null;
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  const isOurs = claims.iss === "https://login.example.com" && claims.aud === "web" && claims.exp > Date.now() / 1000;
  return isOurs ? claims : null;
}

const app = Fastify({ logger: false });

app.get("/consumer-auth", (request, reply) => {
  const from = request.headers.origin;
  reply.header("vary", "origin").header("cache-control", "no-store");
  if (from !== origin) return reply.code(403).send({ code: "origin_not_allowed" });
  reply.header("access-control-allow-origin", from).header("access-control-allow-credentials", "true");
  const claims = visitor(request.headers.cookie);
  if (!claims) return reply.code(401).send({ code: "not_signed_in" });
  const payload = part({ exp: Math.floor(Date.now() / 1000) + 300, email: claims.email, firstName: claims.given_name });
  const signed = crypto.sign("sha256", Buffer.from(`${header}.${payload}`), { key, dsaEncoding: "ieee-p1363" });
  const token = `${header}.${payload}.${signed.toString("base64url")}`;
  return { loginUserIdJwt: token, token };
});

const body = {
  type: "object",
  required: ["role"],
  additionalProperties: false,
  properties: {
    role: { type: "integer", enum: [1, 2] },
    userId: { type: "string", minLength: 1, maxLength: 80 },
    userName: { type: "string", minLength: 1, maxLength: 80 },
    expirationSeconds: { type: "integer", minimum: 1800, maximum: 172800 },
  },
};

function claims({ role, userId, userName, expirationSeconds = 7200 }) {
  const iat = Math.floor(Date.now() / 1000) - 30;
  const id = userId ?? crypto.randomBytes(16).toString("base64url");
  return { app_key: sdkKey, role_type: role, user_id: id, user_name: userName ?? id, iat, exp: iat + expirationSeconds };
}

app.post("/cobrowse/token", { schema: { body } }, (request, reply) => {
  const signed = `${hs256}.${part(claims(request.body))}`;
  const signature = crypto.createHmac("sha256", sdkSecret).update(signed).digest("base64url");
  reply.header("cache-control", "no-store");
  return { token: `${signed}.${signature}` };
});

await app.listen({ port: Number(port), host: "127.0.0.1" });
