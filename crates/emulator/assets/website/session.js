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

function follow({ connection, pincode }) {
  let isOver = false;
  const members = el("ul", { class: "members", id: "members", "aria-live": "polite" });
  const end = (text) => {
    isOver = true;
    clearInterval(timer);
    show();
    note(text);
  };
  const look = async () => {
    const { ok, json } = await send("/~zoom/cobrowse/look", { connection });
    // Who has left meanwhile does not come back by an answer that was under way.
    if (isOver) return;
    if (!ok || !json.isLive) return end("The session is over.");
    refill(members, json.members, () => json.members.map(({ user_name: name, role_type: role }) => el("li", {}, name, el("small", {}, role))));
  };
  const leave = async () => {
    isOver = true;
    await send("/~zoom/cobrowse/leave", { connection });
    end("You left the session.");
  };
  const timer = setInterval(look, LOOK_MS);
  show(
    el("p", { class: "pin-label" }, "PIN"),
    el("p", { class: "pin", id: "pin" }, pincode),
    members,
    el("div", {}, el("button", { class: "button small", type: "button", id: "leave", click: leave }, "Leave")),
  );
  look();
}
