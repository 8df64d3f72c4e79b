// The agent's desk: the website's server gets a token of role 2 for it. A page that asks the backend by itself gets none.
import { byId, el } from "/assets/dom.js";
import { ask, read, ready, send } from "./ask.js";
import { enter } from "./session.js";

const { tokenEndpoint, agents } = await read("/site.json");
const form = byId("join");

form.agent.replaceChildren(...agents.map(({ id, name }) => el("option", { value: id }, name)));

const join = (got) => enter("/~zoom/cobrowse/join", { ...got, pin: form.pin.value.trim() });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { json } = await send("/desk/token", { agent: form.agent.value });
  await join(json);
});

byId("sneak").addEventListener("click", async () => {
  if (!form.reportValidity()) return;
  const wanted = { role: 2, userName: form.agent.selectedOptions[0].text };
  const { asked, json } = await ask(tokenEndpoint, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wanted) });
  await join({ asked, token: json?.token ?? null, sneaked: true });
});

ready();
