// The app in a frame, as either client shows it: what the SDK asks is answered, what was looked at is listed below.
import { answerCalls, tell } from "./bridge.js";
import { byId, el, outLink, refill } from "./dom.js";

/** A value that works, for each header that a client or a browser insists on. */
const EXAMPLES = {
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'self'; script-src 'self' https://appssdk.zoom.us; frame-ancestors 'self' https://*.zoom.us https://*.zoom.com",
  "referrer-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "cross-origin",
};

function blankNote({ sentence, missing }, { docs, aside }) {
  const wanted = missing.filter((name) => name.toLowerCase() !== "x-frame-options");
  const lines = wanted.map((name) => {
    const example = EXAMPLES[name.toLowerCase()];
    return example ? `${name}: ${example}` : name;
  });
  return el(
    "div",
    { class: "blank-note", role: "status" },
    el("h3", {}, "A blank panel"),
    el("p", {}, sentence),
    lines.length > 0 && [el("p", {}, "Send these with every HTML page that is answered 200:"), el("pre", { tabindex: "0" }, lines.join("\n"))],
    el("p", {}, outLink(docs.url, `Zoom's documentation: ${docs.title}`)),
    el("p", { class: "muted" }, aside),
  );
}

function checkButtons(checks, sentence) {
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
      { class: check.ok ? "check" : "check failed", type: "button", "aria-expanded": "false", "aria-controls": sentence.id, click: toggle },
      el("span", {}, state, check.title),
    );
  });
  return buttons;
}

/** `places` are the ids of the frame's body, of the line for notes and of the checks; `words` what a blank panel says. */
export class AppFrame {
  #body;
  #note;
  #checks;
  #words;
  #frame = null;
  #blank = null;
  #shown = null;

  constructor({ body, note, checks }, words) {
    this.#body = byId(body);
    this.#note = byId(note);
    this.#checks = byId(checks);
    this.#words = words;
    answerCalls({ frame: () => this.#frame, view: () => this.#shown, openInBrowser: (url) => this.#openInBrowser(url) });
  }

  /** Shows an open view, or if there is none what `closed` makes of `facts`. */
  show(view, facts, closed) {
    if (!view) {
      this.#frame = this.#shown = null;
      refill(this.#body, facts, closed);
      this.#checks.hidden = this.#note.hidden = true;
      return;
    }
    if (this.#shown !== view.view) this.#load(view);
    refill(this.#blank, view.blank, () => view.blank && blankNote(view.blank, this.#words));
    this.#frame.inert = Boolean(view.blank);
    this.#blank.hidden = !view.blank;
    this.#showChecks(view.checks);
  }

  /** Says below the frame whose app it is, if somebody else sits at the client now. */
  noteIfSomebodyElse({ users, user, view }) {
    const name = (id) => users.find((each) => each.id === id)?.name ?? "somebody else";
    if (view && view.user !== user) this.#say("user", `This is still open as ${name(view.user)}. Open it again to be ${name(user)}.`);
    else if (this.#note.dataset.kind === "user") this.#note.hidden = true;
  }

  /** Whether this view is the one that is open here. */
  shows(view) {
    return view === this.#shown;
  }

  /** Passes an event of the client on to the app, if it is the one that is open here. */
  tell({ view, name, data }) {
    if (this.shows(view)) tell(this.#frame, name, data);
  }

  /** `kind` is what the note is about, so that it can go when that is over. */
  #say(kind, ...content) {
    this.#note.dataset.kind = kind;
    this.#note.replaceChildren(...content);
    this.#note.hidden = false;
  }

  /** A new element for each launch: changing `src` would add to the history, and Back would act on the panel. */
  #load(view) {
    this.#note.hidden = true;
    this.#frame = el("iframe", {
      title: this.#words.title,
      src: view.url,
      sandbox: "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox",
    });
    this.#blank = el("div", { class: "blank", hidden: true });
    refill(this.#body, { view: view.view }, () => [this.#frame, this.#blank]);
    this.#shown = view.view;
  }

  #showChecks(checks) {
    this.#checks.hidden = checks.length === 0;
    refill(this.#checks, checks, () => {
      const sentence = el("p", { class: "check-sentence", id: `${this.#checks.id}-sentence`, "aria-live": "polite", hidden: true });
      const buttons = checkButtons(checks, sentence);
      buttons[checks.findIndex(({ ok }) => !ok)]?.click();
      return [el("span", { class: "muted" }, "Checks"), el("div", { class: "check-list" }, buttons), sentence];
    });
  }

  /** The client opens a page in the browser. A blocked pop-up leaves the link to be clicked. */
  #openInBrowser(url) {
    const link = outLink(url, new URL(url).host);
    if (!link) return;
    window.open(url, "_blank", "noopener");
    this.#say("browser", "The app opened a page in the browser: ", link);
  }
}
