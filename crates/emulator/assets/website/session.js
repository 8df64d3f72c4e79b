// A Cobrowse session as both pages see it: its PIN, who is in it, and that it is over.
import { byId, el, refill } from "/assets/dom.js";
import { send } from "./ask.js";

const LOOK_MS = 1000;

/** Says something below the form; `bad` if it is about what went wrong. */
export function note(text, bad = false) {
  byId("note").hidden = text === "";
  byId("note").textContent = text;
  byId("note").classList.toggle("bad", bad);
}

/** What an answer of Zoom means in words. */
export const refusal = (error) => (error?.errorCode ? `Zoom refuses: ${error.errorCode} ${error.message}` : (error?.message ?? error));

/** Shows a session instead of the form, or the form again. */
function show(...content) {
  const session = byId("session");
  session.replaceChildren(...content);
  session.hidden = content.length === 0;
  for (const form of document.forms) form.hidden = !session.hidden;
}

/** Hands a token to Zoom; shows the session that it opens, or why it opens none. */
export async function enter(path, order) {
  const { ok, json } = await send(path, order);
  if (!ok) return note(refusal(json.error), true);
  note("");
  follow(json);
}

/** Shows the session that has begun, and looks again and again who is in it, one look at a time. */
async function follow({ connection, pincode }) {
  let isOver = false;
  const members = el("ul", { class: "members", id: "members", "aria-live": "polite" });
  const end = (text) => {
    isOver = true;
    show();
    note(text);
  };
  const leave = async () => {
    isOver = true;
    await send("/~zoom/cobrowse/leave", { connection });
    end("You left the session.");
  };
  show(
    el("p", { class: "pin-label" }, "PIN"),
    el("p", { class: "pin", id: "pin" }, pincode),
    members,
    el("div", {}, el("button", { class: "button small", type: "button", id: "leave", click: leave }, "Leave")),
  );
  for (;;) {
    // A server that cannot be reached is asked again.
    const seen = await send("/~zoom/cobrowse/look", { connection }).catch(() => null);
    // Who has left meanwhile does not come back by an answer that was under way.
    if (isOver) return;
    if (seen && !(seen.ok && seen.json.isLive)) return end("The session is over.");
    if (seen) refill(members, seen.json.members, () => seen.json.members.map(member));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (isOver) return;
  }
}

const member = ({ user_name: name, role_type: role }) => el("li", {}, name, el("small", {}, role));
