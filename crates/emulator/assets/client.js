// The desktop client: a quiet stage, and the app in its panel.
import { attempt } from "./alert.js";
import { placeOf } from "./bar.js";
import { post } from "./control.js";
import { byId, el, outLink } from "./dom.js";
import { answerCalls } from "./bridge.js";

const CONTEXTS = { panel: "inMainClient", meeting: "inMeeting", webinar: "inWebinar" };
const OWASP = "https://developers.zoom.us/docs/build-flow/security/owasp/";
/** A value that works, for each header that the client insists on. */
const EXAMPLES = {
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'self'; script-src 'self' https://appssdk.zoom.us",
  "referrer-policy": "same-origin",
};

let frame = null;
let shown = null;

const launch = attempt(() => post("launch"));

function stage({ users, user, where }) {
  byId("stage").replaceChildren(
    ...users.map(({ id, name, initials }) =>
      el(
        "li",
        { class: id === user ? "seat me" : "seat" },
        el("span", { class: "initials", "aria-hidden": "true" }, initials),
        el("span", {}, name, id === user && el("small", {}, `you, ${where.role}`)),
      ),
    ),
  );
}

function closed({ installed, user, app }, goToMarket) {
  const added = installed.some((grant) => grant.user === user);
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

function blankNote({ sentence, missing }) {
  const lines = missing.map((name) => {
    const example = EXAMPLES[name.toLowerCase()];
    return example ? `${name}: ${example}` : name;
  });
  return el(
    "div",
    { class: "blank" },
    el(
      "div",
      { class: "blank-note", role: "status" },
      el("h3", {}, "A blank panel"),
      el("p", {}, sentence),
      lines.length > 0 && [el("p", {}, "Send these with every HTML page that is answered 200:"), el("pre", { tabindex: "0" }, lines.join("\n"))],
      el("p", {}, outLink(OWASP, "Zoom's documentation: secure headers")),
      el("p", { class: "muted" }, "Zoom's client shows nothing at all here; this note is the emulator's."),
    ),
  );
}

function showChecks(checks) {
  const box = byId("checks");
  const sentence = el("p", { class: "check-sentence", id: "check-sentence", "aria-live": "polite" });
  const buttons = checks.map((check) => {
    const toggle = ({ currentTarget }) => {
      const opening = currentTarget.getAttribute("aria-expanded") !== "true";
      for (const button of buttons) button.setAttribute("aria-expanded", "false");
      currentTarget.setAttribute("aria-expanded", String(opening));
      sentence.textContent = opening ? check.sentence : "";
      sentence.hidden = !opening;
    };
    const state = el("span", { class: "visually-hidden" }, check.ok ? "passed: " : "failed: ");
    return el(
      "button",
      { class: check.ok ? "check" : "check failed", type: "button", "aria-expanded": "false", "aria-controls": "check-sentence", click: toggle },
      el("span", {}, state, check.title),
    );
  });
  sentence.hidden = true;
  box.hidden = checks.length === 0;
  box.replaceChildren(el("span", { class: "muted" }, "Checks"), el("div", { class: "check-list" }, buttons), sentence);
  buttons[checks.findIndex(({ ok }) => !ok)]?.click();
}

/** A new element for each launch: changing `src` would add to the history, and Back would act on the panel. */
function load(view) {
  byId("client-note").hidden = true;
  frame = el("iframe", {
    title: "Your app in the Zoom client",
    src: view.url,
    sandbox: "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox",
  });
  byId("panel-body").replaceChildren(frame);
  shown = view.view;
}

/** `kind` is what the note is about, so that it can go when that is over. */
function note(kind, ...content) {
  const box = byId("client-note");
  box.dataset.kind = kind;
  box.replaceChildren(...content);
  box.hidden = false;
}

function noteIfSomebodyElse({ users, user, view }) {
  const name = (id) => users.find((each) => each.id === id)?.name ?? "somebody else";
  const box = byId("client-note");
  if (view.user !== user) note("user", `This is still open as ${name(view.user)}. Open it again to be ${name(user)}.`);
  else if (box.dataset.kind === "user") box.hidden = true;
}

/** The client opens a page in the browser. A blocked pop-up leaves the link to be clicked. */
function openInBrowser(url) {
  const link = outLink(url, new URL(url).host);
  if (!link) return;
  window.open(url, "_blank", "noopener");
  note("browser", "The app opened a page in the browser: ", link);
}

export function showClient(state, goToMarket) {
  const { where, users, user, app, view } = state;
  const me = users.find(({ id }) => id === user);
  byId("window-place").textContent = placeOf(where);
  byId("window-who").textContent = me?.name ?? "";
  byId("window-context").textContent = CONTEXTS[where.typ] ?? where.typ;
  byId("window-context").title = "the running context that the Apps SDK reports";
  byId("window-body").dataset.typ = where.typ;
  byId("panel-name").textContent = app.name;
  byId("reopen").hidden = !view;
  stage(state);
  if (!view) {
    frame = shown = null;
    byId("panel-body").replaceChildren(closed(state, goToMarket));
    byId("checks").hidden = byId("client-note").hidden = true;
    return;
  }
  if (shown !== view.view) load(view);
  byId("panel-body").querySelector(".blank")?.remove();
  if (view.blank) byId("panel-body").append(blankNote(view.blank));
  frame.inert = Boolean(view.blank);
  showChecks(view.checks);
  noteIfSomebodyElse(state);
}

export function wireClient() {
  byId("reopen").addEventListener("click", launch);
  answerCalls({ frame: () => frame, view: () => shown, openInBrowser });
}
