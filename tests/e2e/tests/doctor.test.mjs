// What `stagedoor doctor` says of TLS: certificates, versions, and a deployment behind a real https proxy.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import { test } from "node:test";

import { BINARY, emptyDirectory, freePorts, Process } from "../lib/processes.mjs";

const SECRETS = {
  STAGEDOOR_SECRET: "A0b1C2d3E4f5G6h7I8j9K0l1M2n3O4p5",
  ZOOM_CLIENT_ID: "vEcToR_cLiEnT_iD_01aZ",
  ZOOM_CLIENT_SECRET: "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC",
};

/** An authority of the test's own, and a certificate of it for `host`. */
async function certificate(directory, host, days = "2") {
  const at = (name) => path.join(directory, name);
  const openssl = (...args) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority");
  openssl("req", ...key, "-keyout", "site.key", "-out", "site.csr", "-subj", `/CN=${host}`);
  await writeFile(at("site.ext"), `subjectAltName=DNS:${host}\nbasicConstraints=CA:FALSE\n`);
  return { authority: at("ca.pem"), ...(await signed(directory, days)) };
}

/** A certificate for the same key, by the same authority. */
async function signed(directory, days) {
  const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "site.ext"];
  const options = { cwd: directory, stdio: "pipe" };
  execFileSync("openssl", ["x509", "-req", "-in", "site.csr", ...by, "-out", "site.pem", "-days", days], options);
  const read = (name) => readFile(path.join(directory, name));
  return { key: await read("site.key"), cert: await read("site.pem") };
}

/** `stagedoor doctor --json`: its exit status and what it found. */
async function examine(cwd, env, ...args) {
  const options = { cwd, env: { PATH: process.env.PATH, ...env } };
  const [status, stdout] = await new Promise((resolve) => {
    execFile(BINARY, ["doctor", "--json", ...args], options, (error, stdout) => resolve([error?.code ?? 0, stdout]));
  });
  return { status, ...JSON.parse(stdout) };
}

async function listening(t, server, port = 0) {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  return server.address().port;
}

test("certificates and old TLS are told apart", async (t) => {
  const cwd = await emptyDirectory();
  const good = await certificate(cwd, "localhost");
  const elsewhere = await certificate(await emptyDirectory(), "elsewhere.example");
  const expired = await certificate(await emptyDirectory(), "localhost", "-1");
  const old = { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" };
  for (const [name, tls, env, words] of [
    ["an authority that nobody knows", good, {}, /UnknownIssuer/],
    ["another name", elsewhere, { SSL_CERT_FILE: elsewhere.authority }, /not valid for name|NotValidForName/],
    ["too old a certificate", expired, { SSL_CERT_FILE: expired.authority }, /[Ee]xpired/],
    ["too old a version", { ...good, ...old }, { SSL_CERT_FILE: good.authority }, /ProtocolVersion|[Hh]andshake/],
  ]) {
    const server = https.createServer(tls, (_, response) => response.end());
    const port = await listening(t, server);
    const { status, findings } = await examine(cwd, env, `https://localhost:${port}`);
    assert.equal(status, 1, name);
    assert.equal(findings.length, 1, name);
    assert.deepEqual([findings[0].check, findings[0].severity], ["tls", "problem"], JSON.stringify(findings));
    assert.match(findings[0].came, words, name);
  }
});

test("a deployment behind https has nothing to mend", async (t) => {
  const cwd = await emptyDirectory();
  const { authority, key, cert } = await certificate(cwd, "localhost", "90");
  const [gateway, admin] = await freePorts(1, 1);
  const proxy = https.createServer({ key, cert }, (request, response) => {
    const { method, url: path, headers } = request;
    const inward = http.request({ port: gateway, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    request.pipe(inward);
  });
  const env = {
    ...SECRETS,
    SSL_CERT_FILE: authority,
    PUBLIC_URL: `https://localhost:${await listening(t, proxy)}`,
    LISTEN: `127.0.0.1:${gateway}`,
    ADMIN_LISTEN: `127.0.0.1:${admin}`,
    APP_UPSTREAM: "http://127.0.0.1:9",
  };
  const serve = new Process(["serve"], { cwd, env, readyUrls: [`http://127.0.0.1:${gateway}/`] });
  await serve.start();
  t.after(() => serve.kill());

  // The app's server is down: that is told, and nothing else.
  const down = await examine(cwd, env);
  const told = down.findings.filter(({ severity }) => severity !== "ok").map(({ check, came }) => [check, came]);
  assert.deepEqual(told.toSorted(), [
    ["domain", "502 with application/problem+json"],
    ["launch", "502 with text/html; charset=utf-8"],
  ]);
  assert.equal(down.status, 1);

  const app = http.createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>App</title>");
  });
  env.APP_UPSTREAM = `http://127.0.0.1:${await listening(t, app)}`;
  await serve.stop();
  await serve.start();
  const up = await examine(cwd, env);
  assert.deepEqual(up.findings.filter(({ severity }) => severity !== "ok"), []);
  assert.deepEqual([up.status, up.ok], [0, true]);
  assert.match(up.findings[0].came, /^https, with TLS 1.2 or 1.3 and a certificate that is accepted here, for (89|90) more days$/);

  // Renewed with one that is over in ten days.
  proxy.setSecureContext(await signed(cwd, "10"));
  const soon = await examine(cwd, env);
  const [tls, ...others] = soon.findings.filter(({ severity }) => severity !== "ok");
  assert.deepEqual([tls.check, tls.severity, others, soon.status], ["tls", "warning", [], 0]);
  assert.match(tls.came, /for (9|10) more days$/);
});
