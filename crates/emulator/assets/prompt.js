// What the client asks its user for the app, in the window where it is open: to sign in, to add it, to give it a code.
import { attempt } from "./alert.js";
import { post } from "./control.js";
import { byId, el } from "./dom.js";

const WORDS = {
  "sign-in": { title: (app) => `Sign in to use ${app}`, says: "The app asks a guest to sign in to Zoom.", allow: "Sign in", deny: "Not now" },
  add: { title: (app) => `Add ${app}`, says: "It is added for the user who is signed in.", allow: "Allow", deny: "Deny" },
  authorize: { title: (app) => `${app} asks for your consent`, says: "In the client, without leaving it.", allow: "Allow", deny: "Deny" },
};

let asked = null;

/** Asks, one question at a time: a newer one takes the place of an older. */
export function showPrompt({ id, kind, app_name: app, scopes }) {
  const { title, says, allow, deny } = WORDS[kind];
  asked = id;
  byId("prompt-title").textContent = title(app);
  byId("prompt-says").textContent = says;
  byId("prompt-scopes").replaceChildren(...(kind === "sign-in" ? [] : scopes.map((scope) => el("li", {}, el("code", {}, scope)))));
  byId("prompt-allow").textContent = allow;
  byId("prompt-deny").textContent = deny;
  byId("prompt-dialog").showModal();
}

/** Escape and the deny button are both a no. */
export function wirePrompt() {
  const dialog = byId("prompt-dialog");
  const send = attempt((id, decision) => post("sdk-consent", { id, decision }));
  dialog.addEventListener("close", () => {
    if (asked) send(asked, dialog.returnValue === "allow" ? "allow" : "deny");
    asked = null;
    dialog.returnValue = "";
  });
}
