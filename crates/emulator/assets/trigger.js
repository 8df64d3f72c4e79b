// The form that sends an event: one of the catalogue, as it is or changed.
import { attempt } from "./alert.js";
import { get, post } from "./control.js";
import { byId, el, refill } from "./dom.js";

let catalogue = [];

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
  const groups = Map.groupBy(catalogue, ({ product }) => product);
  refill(byId("trigger").event, catalogue.map(({ event }) => event), () =>
    [...groups].map(([product, entries]) =>
      el("optgroup", { label: product }, entries.map(({ event }) => el("option", { value: event, selected: event === "meeting.started" }, event))),
    ),
  );
}

/** Gets the events with the times of this moment. A body that somebody has begun to change stays. */
export async function loadCatalogue() {
  const form = byId("trigger");
  const latest = await get("webhook/events");
  const isUntouched = !chosen() || form.body.value === written(chosen().body);
  catalogue = latest;
  fill();
  if (isUntouched) showBody();
  for (const field of form.elements) field.disabled = false;
}

function choose() {
  showBody();
  return loadCatalogue();
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
  form.event.addEventListener("change", attempt(choose));
  form.body.addEventListener("input", () => form.body.setCustomValidity(""));
  form.addEventListener("submit", attempt(send));
}
