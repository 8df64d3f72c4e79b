// A backend that does for the web client what Zoom's page "Create Contact Center apps for PWA" says, by hand: it shares
// no code with Stagedoor. Options spoil one thing each.

import { createDecipheriv, createHash, randomBytes } from "node:crypto";

import { startServer } from "./server.mjs";

const HEADERS = {
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy":
    "default-src 'none'; connect-src 'self'; script-src 'self' https://appssdk.zoom.us; frame-ancestors 'self' https://*.zoom.us https://*.zoom.com",
  "cross-origin-resource-policy": "cross-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>Own backend</title>
<p id="out">starting</p><p id="news"></p><button id="authorize">Authorize</button><button id="prompt">Sign in</button>
<script src="https://appssdk.zoom.us/sdk.js"></script><script src="/app.js"></script>`;

const SCRIPT = `const out = document.getElementById("out");
const news = document.getElementById("news");
const capabilities = ["getAppContext", "getRunningContext", "getUserContext", "authorize", "promptAuthorize", "onAuthorized",
  "onMyUserContextChange", "getEngagementContext", "getEngagementStatus", "onEngagementStatusChange"];
async function session() {
  const known = await fetch("/session");
  if (known.ok) return { ...(await known.json()), from: "cookie" };
  const { context } = await zoomSdk.getAppContext();
  const answer = await fetch("/context?context=" + encodeURIComponent(context));
  return { ...(await answer.json()), from: "context" };
}
async function show() {
  const { product } = await zoomSdk.config({ capabilities, version: "0.16" });
  const { user, from } = await session();
  const { context } = await zoomSdk.getRunningContext();
  out.textContent = [product, context, user ?? "guest", from].join(" ");
}
document.getElementById("authorize").onclick = async () => {
  const start = await (await fetch("/authorize", { method: "POST" })).json();
  await zoomSdk.authorize(start);
};
document.getElementById("prompt").onclick = () => zoomSdk.promptAuthorize();
addEventListener("load", () => {
  zoomSdk.onAuthorized(async (event) => {
    const { answer } = await (await fetch("/authorized", { method: "POST", body: JSON.stringify(event) })).json();
    news.textContent = answer;
  });
  zoomSdk.onMyUserContextChange(async () => {
    await zoomSdk.config({ capabilities, version: "0.16" });
    const { status } = await zoomSdk.getUserContext();
    const { context } = await zoomSdk.getAppContext();
    const { user } = await (await fetch("/context?context=" + encodeURIComponent(context))).json();
    news.textContent = status + " " + (user ?? "guest");
  });
  zoomSdk.addEventListener("onEngagementStatusChange", ({ engagementStatus }) => (news.textContent = engagementStatus.state));
  show().catch((error) => (out.textContent = "failed: " + error.message));
});`;

/** The claims of a context, or null: iv, aad and cipher text with their lengths, then a tag of 16 bytes. */
function openContext(text, secret) {
  const bytes = Buffer.from(text, "base64url");
  const iv = bytes.subarray(1, 1 + bytes[0]);
  let at = 1 + bytes[0];
  const aad = bytes.subarray(at + 2, at + 2 + bytes.readUInt16LE(at));
  at += 2 + aad.length;
  const length = bytes.readInt32LE(at);
  const cipherText = bytes.subarray(at + 4, at + 4 + length);
  const tag = bytes.subarray(at + 4 + length);
  const key = createHash("sha256").update(secret).digest();
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: 16 }).setAAD(aad).setAuthTag(tag);
  return JSON.parse(Buffer.concat([decipher.update(cipherText), decipher.final()]).toString());
}

/** Starts the backend. `headers` replaces headers (null: without), `attributes` are those of the session's cookie. */
export async function startBackend(t, { headers = {}, attributes = "SameSite=None; Secure; Partitioned" } = {}) {
  const sessions = new Map();
  const backend = { seen: [], secret: "", zoom: "", clientId: "e2eClientId01" };
  const sent = Object.fromEntries(Object.entries({ ...HEADERS, ...headers }).filter(([, value]) => value !== null));
  const sessionOf = (request) => sessions.get(/(?:^|; )own_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1]);

  async function exchange({ code, state }, session) {
    if (!code) return "declined";
    if (!session?.state || state !== session.state) return "foreign state";
    const answer = await fetch(`${backend.zoom}/oauth/token`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`${backend.clientId}:${backend.secret}`).toString("base64")}` },
      body: new URLSearchParams({ grant_type: "authorization_code", code, code_verifier: session.verifier }),
    });
    return answer.ok ? "installed" : "refused";
  }

  async function route(request, url) {
    if (url.pathname === "/app.js") return { type: "text/javascript", body: SCRIPT };
    if (url.pathname === "/session") {
      const session = sessionOf(request);
      return { status: session ? 200 : 401, json: { user: session?.user ?? null } };
    }
    if (url.pathname === "/context") {
      const { uid } = openContext(url.searchParams.get("context"), backend.secret);
      const id = randomBytes(16).toString("hex");
      sessions.set(id, { user: uid });
      return { json: { user: uid ?? null }, cookie: `own_session=${id}; Path=/; Max-Age=3600; ${attributes}` };
    }
    if (url.pathname === "/authorize") {
      const session = sessionOf(request);
      Object.assign(session, { state: randomBytes(16).toString("hex"), verifier: randomBytes(32).toString("hex") });
      return { json: { state: session.state, codeChallenge: session.verifier } };
    }
    if (url.pathname === "/authorized") {
      let body = "";
      for await (const chunk of request) body += chunk;
      return { json: { answer: await exchange(JSON.parse(body), sessionOf(request)) } };
    }
    return { type: "text/html; charset=utf-8", body: PAGE };
  }

  const { origin } = await startServer(t, async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    backend.seen.push({ path: url.pathname, headers: request.headers });
    const { status = 200, type = "application/json", body, json, cookie } = await route(request, url);
    response.writeHead(status, { ...sent, "content-type": type, "cache-control": "no-store", ...(cookie && { "set-cookie": cookie }) });
    response.end(body ?? JSON.stringify(json));
  });
  backend.home = `${origin}/`;
  return backend;
}
