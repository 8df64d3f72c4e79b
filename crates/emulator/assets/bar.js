// The bar: one glance tells who, where, when, and what is broken on purpose; each opens to change it.
import { attempt } from "./alert.js";
import { get, post, put } from "./control.js";
import { byId, el, refill } from "./dom.js";
import { wireTheme } from "./theme-button.js";

const ROLES = {
  panel: [],
  meeting: ["host", "co-host", "participant"],
  webinar: ["host", "co-host", "panelist", "attendee"],
  contact_center: [],
};
const ENDPOINTS = {
  authorize: "Consent page",
  token: "Token endpoint",
  me: "User lookup",
  api: "Meetings API",
  deeplink: "Deep link",
  client: "Zoom client",
  sdk: "In-client OAuth",
  webhook: "Webhooks",
  provider: "Third party",
  website: "Website",
};
const PLACES = { panel: "Main window", meeting: "Meeting", webinar: "Webinar", contact_center: "Contact Center" };

let state = null;
/** Milliseconds between this machine's clock and the emulator's. */
let ahead = 0;

export const placeOf = ({ typ, topic }) => {
  const place = PLACES[typ] ?? typ;
  return topic && ROLES[typ]?.length > 0 ? `${place} “${topic}”` : place;
};

export function showBar(next) {
  state = next;
  ahead = next.now_ms - Date.now();
  const me = next.users.find(({ id }) => id === next.user);
  const { role } = next.where;
  byId("bar-user").textContent = role ? `${me?.name} (${role})` : me?.name;
  byId("bar-where").textContent = placeOf(next.where);
  byId("bar-clock").textContent = offsetText(next.offset_ms);
  byId("bar-faults").textContent = String(next.faults.length);
  byId("bar-faults").parentElement.classList.toggle("on", next.faults.length > 0);
  byId("bar-clock").parentElement.classList.toggle("on", next.offset_ms !== 0);
  byId("consent").value = next.consent;
  showUsers();
  showWhere();
  showClock();
  markFaults();
}

/** "+00:05", "+1 day 02:00", "−00:30". */
export function offsetText(ms) {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  const days = Math.floor(minutes / 1440);
  const two = (n) => String(n).padStart(2, "0");
  const clock = `${two(Math.floor((minutes % 1440) / 60))}:${two(minutes % 60)}`;
  const dayText = days === 0 ? "" : `${days} ${days === 1 ? "day" : "days"} `;
  return `${ms < 0 ? "−" : "+"}${dayText}${clock}`;
}

function showUsers() {
  const box = byId("users");
  refill(box, state.users, () =>
    state.users.map(({ id, name, email, initials }) =>
      el(
        "label",
        { class: "choice" },
        el("input", { type: "radio", name: "user", value: id }),
        el("span", { class: "initials", "aria-hidden": "true" }, initials),
        el("span", { class: "who" }, name, el("small", {}, email)),
      ),
    ),
  );
  for (const choice of box.querySelectorAll("input")) choice.checked = choice.value === state.user;
}

function showWhere() {
  const form = byId("where");
  const { typ, role, topic } = state.where;
  form.typ.value = typ;
  const roles = ROLES[typ] ?? [];
  refill(form.role, roles, () => roles.map((each) => el("option", {}, each)));
  form.role.value = role ?? "";
  byId("role-field").hidden = byId("topic-field").hidden = roles.length === 0;
  if (document.activeElement !== form.topic) form.topic.value = topic ?? "";
  form.sdk.value = state.sdk;
}

function showClock() {
  if (!state) return;
  byId("clock-face").textContent = new Date(Date.now() + ahead).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  byId("clock-offset").textContent = state.offset_ms === 0 ? "the same as your machine's" : `${offsetText(state.offset_ms)} against your machine`;
}

function markFaults() {
  for (const row of document.querySelectorAll(".fault")) {
    const active = state.faults.find(({ id }) => id === row.dataset.fault);
    row.classList.toggle("on", Boolean(active));
    row.querySelector(".switch").checked = Boolean(active);
    row.querySelector("select").value = String(active?.times ?? "");
  }
  for (const group of document.querySelectorAll(".fault-group")) {
    group.querySelector("b").textContent = group.querySelector(".fault.on label")?.textContent ?? "";
  }
}

function faultRow({ id, endpoint, title, sentence }) {
  const times = el("select", { "aria-label": `How often: ${title}` }, [
    el("option", { value: "" }, "always"),
    el("option", { value: "1" }, "once"),
    el("option", { value: "3" }, "3 times"),
  ]);
  const toggle = el("input", { class: "switch", type: "checkbox", role: "switch", id: `fault-${id}` });
  const send = attempt(async () => {
    const fault = { id, times: times.value === "" ? null : Number(times.value) };
    await put("faults", { [endpoint]: toggle.checked ? fault : null });
  });
  toggle.addEventListener("change", send);
  times.addEventListener("change", () => toggle.checked && send());
  return el(
    "div",
    { class: "fault", "data-fault": id },
    el("div", {}, el("label", { for: `fault-${id}` }, title), el("p", {}, sentence)),
    times,
    toggle,
  );
}

async function loadFaults() {
  const groups = Map.groupBy(await get("faults"), ({ endpoint }) => endpoint);
  byId("faults").replaceChildren(
    el("p", { class: "hint" }, "One at a time for each endpoint. A good backend answers each with a plain sentence and loses nothing."),
    ...[...groups].map(([endpoint, faults]) =>
      el(
        "details",
        { class: "fault-group" },
        el("summary", {}, ENDPOINTS[endpoint] ?? endpoint, el("span", { class: "muted" }, String(faults.length)), el("b", {})),
        faults.map(faultRow),
      ),
    ),
  );
  if (state) markFaults();
}

function wireUsers() {
  byId("users").addEventListener("change", attempt(({ target }) => put("user", { id: target.value })));
  byId("consent").addEventListener("change", attempt(({ target }) => put("consent", { mode: target.value })));
  byId("new-user").addEventListener(
    "submit",
    attempt(async (event) => {
      event.preventDefault();
      const form = event.target;
      const email = form.email.value.trim();
      const user = await post("users", { name: form.name.value.trim(), ...(email && { email }) });
      await put("user", { id: user.id });
      form.reset();
    }),
  );
}

function wireWhere() {
  byId("where").addEventListener("submit", (event) => event.preventDefault());
  byId("where").addEventListener(
    "change",
    attempt(async ({ target, currentTarget: form }) => {
      if (target.name === "sdk") return put("sdk", { mode: target.value });
      const typ = form.typ.value;
      const roles = ROLES[typ] ?? [];
      if (roles.length === 0) return put("where", { typ });
      const role = roles.includes(form.role.value) ? form.role.value : roles[0];
      return put("where", { typ, role, topic: form.topic.value.trim() || undefined });
    }),
  );
}

function wireClock() {
  byId("clock-moves").addEventListener(
    "click",
    attempt(async ({ target }) => {
      const { advance } = target.dataset;
      if (advance === undefined) return;
      await put("clock", advance === "reset" ? { offset_ms: 0 } : { advance_ms: Number(advance) });
    }),
  );
  setInterval(() => byId("clock-dialog").open && showClock(), 1000);
}

function wireReset() {
  const dialog = byId("reset-dialog");
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "reset") attempt(post)("reset");
    dialog.returnValue = "";
  });
}

export function wireBar() {
  wireUsers();
  wireWhere();
  wireClock();
  wireReset();
  wireTheme();
  attempt(loadFaults)();
}
