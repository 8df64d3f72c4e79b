// A Cobrowse session as both pages see it: its PIN, who is in it, and that it is over.
import { byId, el } from "/assets/dom.js";
import { send } from "./ask.js";

const LOOK_MS = 1000;

/** Says something below the form; `bad` if it is about what went wrong. */
export function note(text, bad = false) {
  byId("note").hidden = text === "";
  byId("note").textContent = text;
  byId("note").classList.toggle("bad", bad);
}

function show(session) {
  byId("session").hidden = !session;
  for (const form of document.forms) form.hidden = Boolean(session);
  if (!session) return;
  byId("pin").textContent = session.pincode;
  byId("members").replaceChildren(...session.members.map(({ user_name: name, role_type: role }) => el("li", {}, name, el("small", {}, role))));
}

/** What an answer of Zoom means in words. */
export const refusal = ({ errorCode, message }) => (errorCode ? `Zoom refuses: ${errorCode} ${message}` : message);

/** Hands a token to Zoom; shows the session that it opens, or why it opens none. */
export async function enter(path, order) {
  const { ok, json } = await send(path, order);
  if (!ok) return note(refusal(json.error), true);
  note("");
  follow(json.connection);
}

/** Looks again and again, one look at a time: an answer that comes late must not show what is over. */
async function follow(connection) {
  let isOver = false;
  const over = (text) => {
    isOver = true;
    show(null);
    note(text);
  };
  byId("leave").onclick = async () => {
    await send("/~zoom/cobrowse/leave", { connection });
    over("You left the session.");
  };
  while (!isOver) {
    // Whoever cannot be reached is asked again.
    const seen = await send("/~zoom/cobrowse/look", { connection }).catch(() => null);
    if (isOver) return;
    if (seen && !seen.json.isLive) return over("The session is over.");
    if (seen) show(seen.json);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
