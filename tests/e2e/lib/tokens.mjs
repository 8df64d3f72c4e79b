// A website with a session of its own, the gateway that issues tokens for it, and libraries that verify them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";

import * as jose from "jose";
import jsrsasign from "jsrsasign";

import { BINARY, emptyDirectory, freePorts, Process } from "./processes.mjs";
import { startServer } from "./server.mjs";

export const SDK = { key: "Btwh77nPkKIwwVKaKd1Jb0XuhntVXAJa1213", secret: "canary-sdk-secret-5Zq8Lk2Vw7Rt" };

/** Runs a command to its end; what it printed is the result. */
export async function stagedoor(cwd, ...args) {
  const child = spawn(BINARY, args, { cwd, env: { PATH: process.env.PATH, HOME: cwd }, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  // Later than its exit: what it has printed may be on its way still.
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`stagedoor ${args.join(" ")}: ${err}`);
  return out;
}

/** A website: a page, and a whoami that knows one session. `site.trouble` is what whoami does instead. */
export async function startSite(t) {
  const site = { asked: [], trouble: null };
  const server = await startServer(t, (request, response) => {
    if (request.url !== "/whoami") {
      response.writeHead(200, { "content-type": "text/html", "set-cookie": request.url === "/sign-in" ? "sid=known; Path=/" : [] });
      return response.end("<!doctype html><title>A site</title>");
    }
    site.asked.push(request.headers);
    if (site.trouble) return site.trouble(request, response);
    const isKnown = /(^|; )sid=known(;|$)/.test(request.headers.cookie ?? "");
    response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
    response.end(isKnown ? JSON.stringify({ email: "janet.smith@example.com", given_name: "Janet", admin: true }) : "{}");
  });
  site.port = server.address().port;
  site.origin = server.origin;
  site.stop = () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve)));
  return site;
}

/** A gateway that does nothing but issue tokens for a site. */
export async function startIssuer(t, settings, { cwd } = {}) {
  cwd ??= await emptyDirectory();
  const [port, admin] = await freePorts(1, 1);
  const config = path.join(cwd, `stagedoor-${port}.toml`);
  await writeFile(config, settings);
  const origin = `http://localhost:${port}`;
  const env = { PUBLIC_URL: origin, LISTEN: `127.0.0.1:${port}`, ADMIN_LISTEN: `127.0.0.1:${admin}` };
  const issuer = new Process(["serve", "--config", config], { cwd, env, readyUrls: [origin] });
  t.after(() => issuer.kill());
  await issuer.start();
  return { cwd, origin, process: issuer, consumer: `${origin}/zoom/consumer-auth`, cobrowse: `${origin}/zoom/cobrowse/token` };
}

/** The settings of consumer authentication. `patience` is how long the site is waited for, in milliseconds. */
export function consumerSettings(site, { more = "", patience = 10_000 } = {}) {
  return `
[consumer]
private_key = { file = "consumer.pem" }
origins = ["${site.origin}"]
identity = { forward = "http://127.0.0.1:${site.port}/whoami", cookies = ["sid"], timeout_ms = ${patience} }
claims = { email = "email", firstName = "given_name" }
${more}`;
}

/** Verifies as Zoom does with the pasted key, twice: with jose and with jsrsasign. */
export async function verifyConsumer(token, pem) {
  const { payload, protectedHeader } = await jose.jwtVerify(token, await jose.importSPKI(pem, "ES256"), { algorithms: ["ES256"] });
  const key = jsrsasign.KEYUTIL.getKey(pem);
  const agrees = jsrsasign.KJUR.jws.JWS.verifyJWT(token, key, { alg: ["ES256"] });
  if (!agrees) throw new Error("jose accepts what jsrsasign does not");
  return { payload, header: protectedHeader };
}

/** Verifies a Cobrowse token, twice. */
export async function verifyCobrowse(token, secret) {
  const { payload, protectedHeader } = await jose.jwtVerify(token, new TextEncoder().encode(secret), { algorithms: ["HS256"] });
  const agrees = jsrsasign.KJUR.jws.JWS.verifyJWT(token, { utf8: secret }, { alg: ["HS256"] });
  if (!agrees) throw new Error("jose accepts what jsrsasign does not");
  return { payload, header: protectedHeader };
}
