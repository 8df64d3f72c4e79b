// Who is looking at this page, and where? The backend answers from the session that Zoom's app context began; the Zoom
// client answers through the Apps SDK. Trust the first: what the SDK says comes through the page.

import { api, connect, disconnect, install, on, request, start } from "/zoom/client.js";

const capabilities = [
  ...["getRunningContext", "getUserContext", "getSupportedJsApis"],
  ...["getEngagementContext", "getEngagementStatus", "onEngagementContextChange", "onEngagementStatusChange"],
];
const PROVIDER = "acme";
const byId = (id) => document.getElementById(id);

async function main() {
  byId("add-button").addEventListener("click", add);
  byId("meetings-button").addEventListener("click", askMeetings);
  byId("connect-button").addEventListener("click", () => withNote("connect-note", "Go on in your browser.", () => connect(PROVIDER)));
  byId("disconnect-button").addEventListener("click", () => withNote("connect-note", "", () => disconnect(PROVIDER)));
  on("session", showSession);
  try {
    const session = await start({ capabilities });
    showSession(session);
    if (session.sdk) await askClient(session);
    else byId("client-note").textContent = "No Zoom client answers here. Everything else works without it.";
  } catch ({ message }) {
    greet("The app is not open", message);
  } finally {
    byId("app").removeAttribute("aria-busy");
  }
}

function showSession({ user, type, meeting, role, action, surface, installed, connections, expiresAt }) {
  const name = user === null ? "guest" : user.name;
  greet(name ? `Hello, ${name}` : "Hello", place(type, role), name ?? "");
  facts("session-facts", {
    "User": user?.id ?? "a guest, without an id",
    "Where": { panel: "Main window", meeting: "Meeting", webinar: "Webinar" }[type] ?? type,
    "Meeting": meeting,
    "Role": role,
    "Opened with": action,
    "Opened in": { client: "the Zoom client", pwa: "the web client" }[surface] ?? surface,
    "Added": { true: "yes", false: "no" }[installed] ?? "not known at the moment",
    "Session until": new Date(expiresAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }),
  });
  byId("session").hidden = false;
  byId("add").hidden = installed !== false;
  byId("meetings").hidden = !installed;
  showConnection(connections?.find(({ provider }) => provider === PROVIDER), installed);
}

/** What was asked for a session that is over by now is not shown. */
let shown = 0;

/** The third party that comes with `stagedoor dev`. Where there is none of this name, there is nothing to show. */
async function showConnection(connection, installed) {
  const turn = ++shown;
  const isKnown = connection || (installed && (await request(`/zoom/connect/${PROVIDER}`)).ok);
  if (turn !== shown) return;
  byId("connect").hidden = !isKnown;
  byId("connect-button").hidden = Boolean(connection);
  byId("disconnect-button").hidden = !connection;
  const known = connection ? { "Connected as": connection.account, "Notes there": await countNotes() } : {};
  if (turn === shown) facts("connect-facts", known);
}

/** The third party's API, with a token that no page ever sees. */
async function countNotes() {
  const answer = await request(`/zoom/connect/${PROVIDER}/api/notes`).catch(() => null);
  const { notes } = (await answer?.json().catch(() => null)) ?? {};
  return notes ? String(notes.length) : null;
}

/** The backend adds the user's token, which no page ever sees, and makes only the calls that its operator allows. */
async function askMeetings() {
  const answer = await api("/v2/users/me/meetings?page_size=5").catch(() => null);
  const { meetings, detail, message } = (await answer?.json().catch(() => null)) ?? {};
  byId("meetings-note").textContent = meetings ? "" : (detail ?? message ?? "The app's server does not answer.");
  const when = (start) => new Date(start).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  facts("meeting-facts", Object.fromEntries(meetings?.map(({ topic, start_time: start }) => [when(start), topic]) ?? []));
}

function place(type, role) {
  const where = { meeting: "a meeting", webinar: "a webinar", contact_center: "Contact Center" }[type] ?? "Zoom's main window";
  return role ? `You are in ${where}, as ${role}.` : `You are in ${where}.`;
}

async function askClient({ sdk, runningContext }) {
  const [{ supportedApis }, user] = await Promise.all([sdk.getSupportedJsApis(), sdk.getUserContext().catch(() => null)]);
  facts("client-facts", {
    "Running context": runningContext,
    "Shown name": user?.screenName,
    "APIs offered": String(supportedApis.length),
  });
  if (runningContext !== "inContactCenter") return;
  sdk.addEventListener("onEngagementContextChange", () => askEngagement(sdk));
  sdk.addEventListener("onEngagementStatusChange", () => askEngagement(sdk));
  await askEngagement(sdk);
}

/** The engagement of an agent. It comes through the page: before it opens anything, ask Zoom's API on the server. */
async function askEngagement(sdk) {
  const [{ engagementContext: engagement }, { engagementStatus: status }] = await Promise.all([
    sdk.getEngagementContext().catch(() => ({})),
    sdk.getEngagementStatus().catch(() => ({})),
  ]);
  const consumer = status?.consumers?.[0];
  facts("engagement-facts", {
    "Engagement": engagement?.engagementId ?? "none at the moment",
    "State": status?.state,
    "Channel": status?.channel,
    "Queue": engagement?.queueName,
    "Consumer": consumer?.consumerDisplayName,
    "Their address": consumer?.consumerEmail ?? consumer?.consumerNumber,
  });
  byId("engagement").hidden = false;
}

const add = () => withNote("add-note", "", install);

/** Says what is going on, and what went wrong. */
async function withNote(id, words, action) {
  byId(id).textContent = words;
  try {
    await action();
    byId(id).textContent = "";
  } catch ({ message }) {
    byId(id).textContent = message;
  }
}

function greet(title, sentence, name = "") {
  byId("greeting").textContent = title;
  byId("place").textContent = sentence;
  const initials = name.split(/\s+/).map((word) => word.charAt(0));
  byId("avatar").textContent = (initials[0] + (initials.length > 1 ? initials.at(-1) : "")).toUpperCase();
}

function facts(id, entries) {
  byId(id).replaceChildren();
  for (const [term, value] of Object.entries(entries)) {
    if (value === null || value === undefined) continue;
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = value;
    byId(id).append(dt, dd);
  }
}

main();
