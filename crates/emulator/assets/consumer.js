// The website with its chat, and Cobrowse: the pages of another origin, and what Zoom makes of them.
import { attempt } from "./alert.js";
import { put } from "./control.js";
import { byId, el, refill } from "./dom.js";

const STATUS = "global_system.Engagement.authenticationStatus";

/** The rows that the flow sees: the status first, then what the table maps. */
export function seen(chat) {
  if (!chat) return [];
  return [[STATUS, String(chat.authenticated)], ...chat.variables.map(({ variable, value }) => [variable, typeof value === "string" ? value : JSON.stringify(value)])];
}

/** The frames of a pane get their pages once it is looked at: a page in a hidden frame would already ask. */
export function openFrames(pane, website) {
  for (const box of pane.querySelectorAll("[data-frame]")) {
    if (box.firstChild || !website) continue;
    box.append(el("iframe", { title: box.dataset.title, src: `${website}/${box.dataset.frame}` }));
  }
}

let shown = null;

function row({ field = "", variable = "" } = {}) {
  const remove = ({ target }) => target.closest(".rule").remove();
  return el(
    "div",
    { class: "rule" },
    el("input", { "aria-label": "Field", name: "field", value: field, placeholder: "email", autocomplete: "off" }),
    el("input", { "aria-label": "Global variable", name: "variable", value: variable, placeholder: "global_custom.Consumer.email", autocomplete: "off" }),
    el("button", { class: "icon-button", type: "button", "aria-label": "Remove this row", click: remove }, "×"),
  );
}

function showSettings({ auth_endpoint: endpoint, public_key: key, variables, way }) {
  // What somebody is typing stays, unless it was changed elsewhere.
  const settings = JSON.stringify([endpoint, key, variables, way]);
  if (shown === settings) return;
  shown = settings;
  const form = byId("consumer-settings");
  form.endpoint.value = endpoint;
  form.key.value = key ?? "";
  form.way.value = way;
  const rules = byId("rules");
  for (const old of rules.querySelectorAll(".rule")) old.remove();
  rules.append(...variables.map(row));
}

export function showConsumer({ website, cobrowse }) {
  byId("website-address").textContent = website.url;
  byId("token-endpoint").textContent = cobrowse.token_endpoint;
  byId("sdk-key").textContent = cobrowse.sdk_key;
  const { chat } = website;
  refill(byId("variables"), chat, () => seen(chat).map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  byId("chat-hint").textContent = chat ? (chat.sentence ?? "") : "Nobody chats yet. Sign in on the website or do not, and begin a chat.";
  byId("chat-state").className = `state ${chat?.authenticated ? "delivered" : ""}`;
  byId("chat-state").textContent = chat ? (chat.authenticated ? "authenticated" : "not authenticated") : "";
  showSettings(website);
  for (const pane of ["pane-website", "pane-cobrowse"]) if (!byId(pane).hidden) openFrames(byId(pane), website.url);
}

export function wireConsumer() {
  byId("add-rule").addEventListener("click", () => byId("rules").append(row()));
  byId("consumer-settings").addEventListener(
    "submit",
    attempt(async (event) => {
      event.preventDefault();
      const form = event.target;
      const variables = [...form.querySelectorAll(".rule")]
        .map((each) => ({ field: each.querySelector("[name=field]").value.trim(), variable: each.querySelector("[name=variable]").value.trim() }))
        .filter(({ field, variable }) => field || variable);
      await put("website", { auth_endpoint: form.endpoint.value.trim(), public_key: form.key.value, variables, way: form.way.value });
      // The website knows the endpoint and its own override from when it was loaded.
      const frame = document.querySelector("#pane-website iframe");
      if (frame) frame.src = frame.getAttribute("src");
    }),
  );
}
