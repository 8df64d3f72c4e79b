// A stand-in for Zoom's web client and its token endpoint, on another site than the app (127.0.0.1 against localhost).

import { createCipheriv, createHash, randomBytes } from "node:crypto";

import { ZOOM_APP } from "./processes.mjs";
import { startServer } from "./server.mjs";

/** What the page of the web client does: it frames the app and answers the SDK. */
const CLIENT = `
const frame = document.querySelector("iframe");
const events = [];
const say = (name, data) => frame.contentWindow.postMessage({ type: "event", name, data }, "*");
addEventListener("message", async ({ source, data }) => {
  if (source !== frame.contentWindow) return;
  const { jsCallId, apiName, data: asked } = JSON.parse(data);
  const { result, event } = await (await fetch("/call", { method: "POST", body: JSON.stringify({ apiName, asked }) })).json();
  source.postMessage({ type: "apiResponse", data: { jsCallId, result } }, "*");
  if (event) say(event.name, event.data);
});`;

export class WebClient {
  constructor({ user = "agent-1" } = {}) {
    const { ZOOM_CLIENT_ID: clientId, ZOOM_CLIENT_SECRET: clientSecret } = ZOOM_APP;
    Object.assign(this, { clientId, clientSecret, user, signedIn: user, asked: [], verifiers: new Map(), answers: true });
  }

  async start(t) {
    const answer = (request, response) => this.#answer(request, response).catch((error) => response.destroy(error));
    const { origin } = await startServer(t, answer, "127.0.0.1");
    this.origin = origin;
    return this;
  }

  /** An app context, as Zoom seals it. */
  context() {
    const now = Date.now();
    const claims = { typ: "panel", aud: this.clientId, iss: "marketplace.zoom.us", ts: now, exp: now + 120_000 };
    if (this.user) claims.uid = this.user;
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", createHash("sha256").update(this.clientSecret).digest(), iv);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(claims)), cipher.final()]);
    const lengths = Buffer.alloc(6);
    lengths.writeInt32LE(sealed.length, 2);
    return Buffer.concat([Buffer.from([12]), iv, lengths, sealed, cipher.getAuthTag()]).toString("base64url");
  }

  async #answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const { pathname } = new URL(request.url, this.origin);
    if (pathname === "/") {
      response.writeHead(200, { "content-type": "text/html", "cross-origin-embedder-policy": "require-corp" });
      return response.end(`<!doctype html><iframe src="${this.app}" width="700" height="600"></iframe><script>${CLIENT}</script>`);
    }
    const answer = { "/call": () => this.#call(JSON.parse(body)), "/oauth/token": () => this.#token(body), "/v2/users/me": () => ({ id: this.signedIn, display_name: "Ada Lovelace" }) }[pathname]?.();
    if (answer === undefined) return; // an SDK call without an answer hangs, as it does where there is no client
    response.writeHead(answer.error ? 400 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  }

  #call({ apiName, asked }) {
    this.asked.push(apiName);
    if (!this.answers) return undefined;
    if (apiName === "authorize") return this.#authorize(asked);
    const results = {
      config: () => ({ clientVersion: "6.6.0", runningContext: "inContactCenter", unsupportedApis: [], product: "web" }),
      getAppContext: () => ({ context: this.context() }),
      getRunningContext: () => "inContactCenter",
      getSupportedJsApis: () => ({ supportedApis: ["getAppContext"] }),
      getUserContext: () => ({ screenName: "Ada", role: "agent", status: this.user ? "authorized" : "authenticated" }),
      getEngagementContext: () => ({ engagementContext: { engagementId: "engagement-1", queueName: "Billing" } }),
      getEngagementStatus: () => ({ engagementStatus: { engagementId: "engagement-1", state: "active", channel: "chat", consumers: [{ consumerDisplayName: "Grace" }] } }),
    };
    return { result: results[apiName]?.() ?? {} };
  }

  #authorize({ codeChallenge, state }) {
    const code = randomBytes(16).toString("base64url");
    this.verifiers.set(code, codeChallenge);
    const data = this.deny ? { result: false } : { result: true, code, state: this.mangle ? `${state}x` : state, redirectUri: `${this.app}/`, timestamp: 1 };
    if (!this.deny && !this.mangle) this.user = this.signedIn;
    return { result: { message: "started" }, event: { name: "onAuthorized", data } };
  }

  #token(body) {
    const form = new URLSearchParams(body);
    const code = form.get("code");
    const fits = this.verifiers.has(code) && this.verifiers.get(code) === form.get("code_verifier");
    this.verifiers.delete(code);
    if (!fits) return { reason: "Invalid authorization code", error: "invalid_grant" };
    return { access_token: "canary-access", refresh_token: "canary-refresh", token_type: "bearer", expires_in: 3599, scope: "user:read:user zoomapp:inmeeting" };
  }
}
