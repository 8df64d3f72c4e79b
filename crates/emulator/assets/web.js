// The web client: a page in a browser, on another site than the app that it frames.
import { attempt } from "./alert.js";
import { AppFrame } from "./app-frame.js";
import { CONTEXTS } from "./client.js";
import { post, put } from "./control.js";
import { byId, el } from "./dom.js";
import { showEngagement } from "./engagement.js";

const WORDS = {
  title: "Your app in the Zoom web client",
  docs: { title: "Contact Center apps for PWA", url: "https://developers.zoom.us/docs/contact-center/apps/zcc-pwa/" },
  aside: "In Zoom the browser shows nothing at all here; this note is the emulator's.",
};
/** Who opens the app, and where: each is a place and, for the guest, nobody's name. */
const PERSONAS = {
  agent: { words: "agent, Contact Center", place: { typ: "contact_center" } },
  host: { words: "host of a meeting", place: { typ: "meeting", role: "host" } },
  participant: { words: "participant", place: { typ: "meeting", role: "participant" } },
  guest: { words: "guest, not signed in", place: { typ: "meeting", role: "participant" }, guest: true },
};

/** The two clients are on different sites, so each has its own address; the tab that it names gets the focus. */
export const isWebClient = location.pathname === "/web";
export const addressOf = (tab) => (tab === "tab-web" ? `http://127.0.0.1:${location.port}/web#${tab}` : `http://localhost:${location.port}/#${tab}`);

let frame = null;

const personaOf = ({ where, view }) => {
  if (view?.status === "unauthenticated") return "guest";
  if (where.typ === "contact_center") return "agent";
  return where.role === "participant" ? "participant" : "host";
};

const launch = attempt(async () => {
  const { place, guest = false } = PERSONAS[byId("persona").value];
  await put("where", place);
  await post("launch", { surface: "web", guest });
});

const closed = (app) =>
  el(
    "div",
    { class: "panel-note" },
    el("h3", {}, `${app.name} is closed`),
    el("p", { class: "muted" }, "The web client frames your Home URL. No header comes with it: the page asks for the app context."),
    el("button", { class: "button primary", type: "button", click: launch }, `Open ${app.name}`),
  );

export function showWeb(state) {
  const { where, users, user, app, cookies, view } = state;
  byId("web-address").textContent = `${location.host}/web`;
  byId("web-who").textContent = view?.status === "unauthenticated" ? "Guest" : (users.find(({ id }) => id === user)?.name ?? "");
  byId("web-context").textContent = CONTEXTS[where.typ] ?? where.typ;
  byId("web-name").textContent = app.name;
  byId("persona").value = personaOf(state);
  byId("third-party").value = cookies;
  byId("web-reopen").hidden = !view;
  showEngagement(state);
  frame.show(view, app.name, () => closed(app));
  frame.noteIfSomebodyElse(state);
}

export function wireWeb() {
  byId("persona").replaceChildren(...Object.entries(PERSONAS).map(([value, { words }]) => el("option", { value }, words)));
  byId("persona").addEventListener("change", launch);
  byId("web-reopen").addEventListener("click", launch);
  byId("third-party").addEventListener("change", attempt(({ target }) => put("cookies", { third_party: target.value })));
  frame = new AppFrame({ body: "web-panel", note: "web-note", checks: "web-checks" }, WORDS);
}

/** The app in this client. */
export const appWeb = () => frame;
