// The desktop client: a quiet stage, and the app in its panel.
import { attempt } from "./alert.js";
import { AppFrame } from "./app-frame.js";
import { placeOf } from "./bar.js";
import { post } from "./control.js";
import { byId, el, refill } from "./dom.js";

export const CONTEXTS = { panel: "inMainClient", meeting: "inMeeting", webinar: "inWebinar", contact_center: "inContactCenter" };
const WORDS = {
  title: "Your app in the Zoom client",
  docs: { title: "secure headers", url: "https://developers.zoom.us/docs/build-flow/security/owasp/" },
  aside: "Zoom's client shows nothing at all here; this note is the emulator's.",
};

let frame = null;

const launch = attempt(() => post("launch"));

function stage({ users, user, where }) {
  refill(byId("stage"), [users, user, where.role], () =>
    users.map(({ id, name, initials }) =>
      el(
        "li",
        { class: id === user ? "seat me" : "seat" },
        el("span", { class: "initials", "aria-hidden": "true" }, initials),
        el("span", {}, name, id === user && el("small", {}, `you, ${where.role}`)),
      ),
    ),
  );
}

function closed(added, app, goToMarket) {
  return el(
    "div",
    { class: "panel-note" },
    el("h3", {}, added ? `${app.name} is closed` : "No apps yet"),
    el("p", { class: "muted" }, added ? "Open it, and your Home URL is called with a sealed app context." : `Add ${app.name} in the Marketplace; it opens here.`),
    added
      ? el("button", { class: "button primary", type: "button", click: launch }, `Open ${app.name}`)
      : el("button", { class: "button primary", type: "button", click: goToMarket }, "Go to the Marketplace"),
  );
}

export function showClient(state, goToMarket) {
  const { where, users, user, app, installed, view } = state;
  const me = users.find(({ id }) => id === user);
  const added = installed.some((grant) => grant.user === user);
  byId("window-place").textContent = placeOf(where);
  byId("window-who").textContent = me?.name ?? "";
  byId("window-context").textContent = CONTEXTS[where.typ] ?? where.typ;
  byId("window-context").title = "the running context that the Apps SDK reports";
  byId("window-body").dataset.typ = where.role ? where.typ : "panel";
  byId("panel-name").textContent = app.name;
  byId("reopen").hidden = !view;
  stage(state);
  frame.show(view, [added, app.name], () => closed(added, app, goToMarket));
  frame.noteIfSomebodyElse(state);
}

export function wireClient() {
  byId("reopen").addEventListener("click", launch);
  frame = new AppFrame({ body: "panel-body", note: "client-note", checks: "checks" }, WORDS);
}

/** The app in this client. */
export const appClient = () => frame;
