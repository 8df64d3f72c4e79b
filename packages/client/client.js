// Stagedoor's part of an app's page: the session, the web client's launch, adding the app, calls to Zoom's API.

const OURS = ["getAppContext", "getUserContext", "authorize", "promptAuthorize", "openUrl", "onAuthorized", "onMyUserContextChange"];
/** A session of the web client is renewed this long before its end, a shorter one in the middle of its life. */
const EARLY_MS = 300_000;
const RETRY_MS = 15_000;
const RECONNECT_MS = 2_000;
/** The backend waits as long for a consent. */
const CONSENT_MS = 600_000;
/** How often a page looks whether a sign-in in the external browser has ended: at first, and at last. */
const POLL_MS = [1_000, 5_000];
const ENDINGS = { declined: "Nothing was connected.", failed: "The sign-in failed. Try again." };

/** Why something did not work: `code` is stable, `message` is a sentence for people. */
export class StagedoorError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "StagedoorError";
    this.code = code;
  }
}

let base = new URL(".", import.meta.url);
let sdk = null;
let config = {};
let zoom = null;
let session = null;
let bearer = null;
let mayBorrow = true;
let keepsCookies = false;
let renewing = null;
let installing = null;
let renewAt = Infinity;
let timer;
const handlers = new Set();

/** Configures the SDK and returns the session. Rejects with `outside_zoom` where there is neither. */
export async function start({ prefix, bearer: borrow = true, ...options } = {}) {
  if (prefix) base = new URL(`${prefix}/`, location.href);
  mayBorrow = borrow;
  config = { ...options, capabilities: [...new Set([...OURS, ...(options.capabilities ?? [])])] };
  const [, known] = await Promise.all([configure(), send("session")]);
  if (known.status !== 401) {
    take(await read(known));
    keepsCookies = true;
  }
  // In the web client somebody else may have signed in since the cookie was set: only Zoom knows.
  if (zoom && session?.surface !== "client") await renew();
  if (!session) throw new StagedoorError("outside_zoom", "Open this app in Zoom.");
  return session;
}

/** Adds the app for the user: inside Zoom without leaving it, in a browser by Zoom's pages. */
export function install() {
  installing ??= add().finally(() => (installing = null));
  return installing;
}

async function add() {
  const page = new URL("install", base);
  const { pathname, search } = new URL(location.href);
  // Who has to add the app again comes back to the same screen.
  if (session?.reauthorize && (pathname + search).length <= 256) page.searchParams.set("return", pathname + search);
  if (!zoom) return location.assign(page.href);
  if (zoom.unsupportedApis?.includes("authorize")) return sdk.openUrl({ url: page.href });
  const { status } = await sdk.getUserContext().catch(() => ({}));
  if (status === "unauthenticated") return sdk.promptAuthorize();
  const { body: begun } = await read(await post("authorize", {}));
  const event = await consent(begun);
  if (!event.result || !event.code) throw new StagedoorError("declined", "The app was not added.");
  const { code, redirectUri } = event;
  return take(await read(await post("authorized", { code, redirectUri, state: event.state })));
}

/** `fetch` for Zoom's REST API with the user's token: `api("/v2/users/me")`. */
export async function api(path, init) {
  const url = new URL(`api${path}`, base);
  if (!url.href.startsWith(new URL("api/", base).href)) throw new TypeError(`not a path of Zoom's API: ${path}`);
  return request(url, init);
}

/**
 * Connects the user to a third party, which happens in the external browser. In Zoom the app is opened again when it is
 * done, and its new page finds it in `session.connections`; a page that stays open gets the session from here.
 */
export async function connect(provider) {
  const path = `connect/${encodeURIComponent(provider)}`;
  const { body } = await read(await post(path, {}));
  if (zoom) await sdk.openUrl({ url: body.authorizeUrl });
  else globalThis.open(body.authorizeUrl, "_blank", "noopener");
  for (let wait = POLL_MS[0]; ; wait = Math.min(wait * 1.3, POLL_MS[1])) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const { body: state } = await read(await send(path));
    if (state.attempt === "pending") continue;
    if (state.connected && !state.attempt) return take(await read(await send("session")));
    throw new StagedoorError(state.attempt ?? "expired", ENDINGS[state.attempt] ?? "The sign-in was not finished in time.");
  }
}

/** Ends a connection, here and where the third party allows it. Returns the session. */
export async function disconnect(provider) {
  await read(await send(`connect/${encodeURIComponent(provider)}`, { method: "DELETE" }));
  return take(await read(await send("session")));
}

/** `fetch` for the app's own server, with the session even where the browser blocks cookies. */
export async function request(url, init) {
  if (zoom && Date.now() >= renewAt) await renew();
  return send(new URL(url, location.href), init);
}

/** Calls `handler` with each event of Zoom's that concerns the user or the meeting; returns a function that ends this. */
export function events(handler) {
  const end = new AbortController();
  listen(handler, end.signal);
  return () => end.abort();
}

async function listen(handler, signal) {
  let last;
  while (!signal.aborted) {
    const headers = last ? { "last-event-id": last } : {};
    const answer = await request(new URL("events", base), { headers, signal }).catch(() => ({}));
    // Where the app's server gets the events, pages do not.
    if (answer.status === 404) return;
    const reader = answer.ok && answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = "", part = {}; reader && !part.done; part = await reader.read().catch(() => ({ done: true }))) {
      const blocks = (text + (part.value ?? "")).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (id && !signal.aborted) handler(JSON.parse(data));
        last = id ?? last;
      }
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/** Calls `handler` with the session whenever it changes; returns a function that ends this. */
export function on(event, handler) {
  if (event !== "session") throw new TypeError(`no such event: ${event}`);
  handlers.add(handler);
  return () => handlers.delete(handler);
}

async function configure() {
  if (!globalThis.zoomSdk) return;
  const isNew = sdk !== globalThis.zoomSdk;
  sdk = globalThis.zoomSdk;
  zoom = await sdk.config(config).catch(() => null);
  if (!zoom || !isNew) return;
  sdk.addEventListener("onMyUserContextChange", ({ status }) => status === "authorized" && changed().catch(() => {}));
  globalThis.document?.addEventListener("visibilitychange", () => Date.now() >= renewAt && renew());
}

/** A guest has signed in or added the app: Zoom wants a new config, and its next context names the user. */
async function changed() {
  zoom = await sdk.config(config);
  await handOver();
}

function consent(what) {
  return new Promise((resolve, reject) => {
    const end = (settle) => (value) => {
      clearTimeout(waiting);
      sdk.removeEventListener("onAuthorized", authorized);
      settle(value);
    };
    const authorized = end(resolve);
    const waiting = setTimeout(authorized, CONSENT_MS, {});
    sdk.addEventListener("onAuthorized", authorized);
    sdk.authorize(what).catch(end(reject));
  });
}

/** Hands the context over, once at a time. A session that still lives survives a failure, and another try follows. */
function renew() {
  renewing ??= handOver()
    .catch((error) => {
      if (!session) throw error;
      renewAt = Date.now() + RETRY_MS;
      timer = later(RETRY_MS);
    })
    .finally(() => (renewing = null));
  return renewing;
}

async function handOver() {
  // A guest's session has another id each time, and an authorization ends in the session in which it began.
  if (session && !session.user) await installing?.catch(() => {});
  if (!bearer) {
    const given = await read(await present());
    keepsCookies ||= (await send("session")).ok;
    if (keepsCookies) return take(given);
    if (!mayBorrow) throw new StagedoorError("cookies_blocked", "This browser keeps no cookies for this app.");
  }
  return take(await read(await present({ "x-stagedoor-session": "bearer" })));
}

async function present(more) {
  const { context } = await sdk.getAppContext().catch(({ message }) => {
    throw new StagedoorError("context_unavailable", message);
  });
  return send("context", { headers: { "x-stagedoor-context": context, ...more } });
}

const post = (path, body) =>
  send(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

function send(path, init = {}) {
  const url = new URL(path, base);
  if (url.origin !== base.origin) throw new TypeError(`not of this app: ${url.origin}`);
  const headers = new Headers(init.headers);
  if (bearer) headers.set("authorization", `Bearer ${bearer}`);
  return fetch(url, { credentials: "same-origin", ...init, headers });
}

async function read(answer) {
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return { body, now: Date.parse(answer.headers.get("date")) || Date.now() };
  throw new StagedoorError(body.code ?? "unexpected", body.detail ?? "The app's server gave no answer that makes sense.");
}

/** The server's clock says how long a session has left. */
function take({ body: { bearer: lent, ...told }, now }) {
  const isNews = session !== null;
  bearer = lent ?? bearer;
  session = { ...told, runningContext: zoom?.runningContext ?? null, sdk: zoom && sdk };
  clearTimeout(timer);
  const left = Date.parse(told.expiresAt) - now;
  const early = told.surface === "pwa" ? Math.min(EARLY_MS, left / 2) : 0;
  renewAt = Date.now() + left - early;
  if (zoom && early) timer = later(left - early);
  if (isNews) for (const handler of handlers) handler(session);
  return session;
}

const later = (ms) => setTimeout(renew, ms);
