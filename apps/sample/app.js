// Who is looking at this page, and where? The backend answers from the session that it opened at the launch; the Zoom
// client answers through the Apps SDK. Trust the first: what the SDK says comes through the page.

const capabilities = ["getRunningContext", "getUserContext", "getSupportedJsApis", "openUrl"];
const byId = (id) => document.getElementById(id);
let inZoom = false;

async function main() {
  byId("add-button").addEventListener("click", addToZoom);
  askClient();
  showSession(await loadSession());
  byId("app").removeAttribute("aria-busy");
}

/** The session; `null` where there is none, `undefined` where the backend cannot say. */
async function loadSession() {
  const answer = await fetch("/zoom/session", { credentials: "same-origin" }).catch(() => null);
  if (answer?.status === 401) return null;
  if (!answer?.ok) return undefined;
  return answer.json();
}

function showSession(session) {
  if (session === null) return greet("Open this in Zoom", "There is no session here. Zoom's client starts one when it opens the app.");
  if (session === undefined) return greet("The backend does not answer", "Open the app again in a moment.");
  const { user, type, meeting, role, action, surface, installed, expiresAt } = session;
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
}

function place(type, role) {
  const where = { meeting: "a meeting", webinar: "a webinar" }[type];
  if (!where) return "You are in Zoom's main window.";
  return role ? `You are in ${where}, as ${role}.` : `You are in ${where}.`;
}

/** What the client says. Without Zoom around the page there is no client, and that is no error. */
async function askClient() {
  try {
    const { zoomSdk } = window;
    const config = await zoomSdk.config({ capabilities });
    const [{ context }, { supportedApis }, user] = await Promise.all([
      zoomSdk.getRunningContext(),
      zoomSdk.getSupportedJsApis(),
      zoomSdk.getUserContext().catch(() => null),
    ]);
    inZoom = true;
    facts("client-facts", {
      "Runs in": context,
      "Shown name": user?.screenName,
      "Client version": config.clientVersion,
      "Product": config.product,
      "APIs": String(supportedApis.length),
    });
  } catch {
    byId("client-note").textContent = "No Zoom client answers here. Everything else works without it.";
  }
}

/** Installing needs the browser, where the user is signed in to Zoom. */
function addToZoom() {
  const url = new URL("/zoom/install", location.href).href;
  if (inZoom) window.zoomSdk.openUrl({ url });
  else window.open(url, "_blank", "noopener");
}

function greet(title, sentence, name = "") {
  byId("greeting").textContent = title;
  byId("place").textContent = sentence;
  const initials = name.split(/\s+/).map((word) => word.charAt(0));
  byId("avatar").textContent = (initials[0] + (initials.length > 1 ? initials.at(-1) : "")).toUpperCase();
}

function facts(id, entries) {
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
