// The form that sends an event: one of the catalogue, as it is or changed.
import { attempt } from "./alert.js";
import { get, post } from "./control.js";
import { byId, el } from "./dom.js";

let catalogue = [];
/** How often it was asked for: the last answer counts. */
let asked = 0;

const chosen = () => catalogue.find(({ event }) => event === byId("trigger").event.value);
const written = (body) => JSON.stringify(body, null, 2);

/**
 * What to ask the emulator for: the event alone if nobody changed its body, so that its times are those of the moment;
 * otherwise what was written. An error if that is no body.
 */
export function order(event, original, text) {
  if (text === original) return { event };
  const body = JSON.parse(text);
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  if (!isObject || typeof body.event !== "string" || body.payload === undefined) throw new Error("The body must be an object with event and payload.");
  const { event: name, payload, ...set } = body;
  return { event: name, payload, set };
}

function showBody() {
  const form = byId("trigger");
  form.body.value = written(chosen().body);
  byId("event-says").textContent = chosen().sentence;
}

function fill() {
  const select = byId("trigger").event;
  const was = select.value;
  const groups = Map.groupBy(catalogue, ({ product }) => product);
  select.replaceChildren(
    ...[...groups].map(([product, entries]) =>
      el("optgroup", { label: product }, entries.map(({ event }) => el("option", { value: event, selected: event === (was || "meeting.started") }, event))),
    ),
  );
}

/** While the bodies are on their way nothing is sent: what is shown belongs to the event that was chosen before, or to none. */
export async function loadCatalogue() {
  const { send } = byId("trigger");
  send.disabled = true;
  const mine = (asked += 1);
  const answer = await get("webhook/events");
  if (mine !== asked) return;
  catalogue = answer;
  fill();
  showBody();
  send.disabled = false;
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  form.body.setCustomValidity("");
  let wanted;
  try {
    wanted = order(form.event.value, written(chosen().body), form.body.value);
  } catch (error) {
    form.body.setCustomValidity(error.message);
    form.body.reportValidity();
    return;
  }
  await post("trigger", wanted);
}

export function wireTrigger() {
  const form = byId("trigger");
  form.event.addEventListener("change", attempt(loadCatalogue));
  form.body.addEventListener("input", () => form.body.setCustomValidity(""));
  form.addEventListener("submit", attempt(send));
}
