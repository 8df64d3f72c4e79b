// The customer's page: asks the backend for a token of role 1, and starts a session with it.
import { byId } from "/assets/dom.js";
import { ask, read, ready } from "./ask.js";
import { enter } from "./session.js";

const { tokenEndpoint } = await read("/site.json");

byId("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const pin = form.pin.value.trim();
  const wanted = { role: 1, userName: form.name.value.trim(), ...(pin && { enableByop: 1 }) };
  const { asked, json } = await ask(tokenEndpoint, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wanted) });
  await enter("/~zoom/cobrowse/start", { asked, token: json?.token ?? null, pin: pin || null });
});

ready();
