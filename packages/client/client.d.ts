/** Who has the app open, and where. See "The session, for a page" in Stagedoor's documentation. */
export interface Session {
  /** `null` for a guest. */
  user: { id: string; name: string | null } | null;
  /** Where the app was opened: `panel`, `meeting`, `webinar`, `chat`, or something newer. */
  type: string;
  meeting: string | null;
  role: string | null;
  action: string | null;
  surface: "client" | "pwa";
  /** Whether the backend holds a usable grant; `null` while it cannot tell. */
  installed: boolean | null;
  /** Whether the user has to add the app again: its grant is over, or lacks a scope. `install()` heals that. */
  reauthorize?: boolean;
  /** The required scopes that the grant lacks. */
  missingScopes?: string[];
  /** The third parties that calls can be made to; `null` while the backend cannot tell. */
  connections: { provider: string; account: string | null }[] | null;
  /** ISO 8601. */
  expiresAt: string;
  /** What the client says: `inMeeting`, `inContactCenter`, …; `null` without a client. It comes through the page: do not trust it. */
  runningContext: string | null;
  /** The configured Zoom Apps SDK; `null` without a client around the page. */
  sdk: any | null;
}

export interface StartOptions {
  /** The capabilities of the SDK that the app uses. Those that this module needs are added. */
  capabilities?: string[];
  /** Stagedoor's prefix. Needed only where this module is part of a bundle: `"/zoom"`. */
  prefix?: string;
  /** `false`: without cookies reject with `cookies_blocked`, instead of keeping a session in memory. */
  bearer?: boolean;
  /** Everything else goes to `zoomSdk.config`: `popoutSize`, `version`, `timeout`. */
  [option: string]: unknown;
}

/**
 * Why something did not work.
 *
 * `outside_zoom` (neither a session nor a client), `cookies_blocked`, `context_unavailable` (the client gives no
 * context), `declined` (the user said no), or a `code` of the server. The message is a sentence for people.
 */
export class StagedoorError extends Error {
  readonly code: string;
  constructor(code: string, message: string);
}

/** Configures the SDK and returns the session, which is renewed as long as the page is open. */
export function start(options?: StartOptions): Promise<Session>;

/**
 * Adds the app for the user. In Zoom: with the user's consent and without leaving the app; the new session comes back.
 * For somebody who is not signed in to Zoom it asks to sign in, and in a browser it goes to Zoom's pages: then there is
 * nothing to come back, and inside Zoom the `session` event says when it has happened.
 */
export function install(): Promise<Session | unknown>;

/**
 * `fetch` for Zoom's REST API with the user's token: `api("/v2/users/me")`.
 *
 * The answer is Zoom's, or a problem of Stagedoor's with a `code`: `api_not_allowed`, `not_installed`, `needs_reauth`,
 * `scope_missing` (`install()` heals the last three), `zoom_timeout` and others.
 */
export function api(path: `/${string}`, init?: RequestInit): Promise<Response>;

/**
 * Connects the user to a third party: `connect("github")`. The sign-in happens in the external browser, and ends with
 * the app being opened again by Zoom: then the new page finds it in `session.connections`, and this promise is gone with
 * the old page. A page that stays open gets the session.
 *
 * Rejects with `install_required` (`install()` heals it), `declined`, `failed`, `expired`, or a `code` of the server.
 */
export function connect(provider: string): Promise<Session>;

/** Ends a connection: the tokens are erased, and given back where the third party takes them. */
export function disconnect(provider: string): Promise<Session>;

/** `fetch` for the app's own server, with the session even where the browser blocks cookies. */
export function request(url: string | URL, init?: RequestInit): Promise<Response>;

/** What Zoom says happened. Others than the host of a meeting hear its events without names and addresses. */
export interface ZoomEvent {
  event: string;
  /** Milliseconds since 1970. */
  event_ts?: number;
  payload: { object?: any; [member: string]: unknown };
}

/** Calls `handler` with each event that concerns the user or the meeting; returns a function that ends this. */
export function events(handler: (event: ZoomEvent) => void): () => void;

/** Calls `handler` with the session whenever it changes; returns a function that ends this. */
export function on(event: "session", handler: (session: Session) => void): () => void;
