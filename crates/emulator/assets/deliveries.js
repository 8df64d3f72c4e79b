// What was sent to the webhook URL: each event with its attempts, the next one, and a way to send it again.
import { attempt } from "./alert.js";
import { forget, post, put } from "./control.js";
import { byId, el } from "./dom.js";
import { milliseconds } from "./step.js";

const WORDS = {
  waiting: "waiting",
  held: "held back",
  sending: "on its way",
  delivered: "delivered",
  retry: "comes again",
  lost: "lost",
  refused: "refused",
  taken: "taken",
  not_sent: "not sent",
};
/** What is not said by the sentence of the last attempt. */
const SAYS = {
  held: "It is sent after the next event: a fault is on.",
  not_sent: "The webhook URL has not passed validation, so Zoom sends nothing to it.",
};
/** How many are shown. */
const MOST = 50;

const known = new Map();
let offset = 0;

const now = () => Date.now() + offset;

/** "in 5 min", "in 3 days", "now". */
export function timeLeft(ms) {
  const units = [["day", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]];
  const [unit, size] = units.find(([, size]) => ms >= size) ?? [null, 1];
  if (unit === null) return "now";
  const count = Math.round(ms / size);
  return `in ${count} ${unit === "day" && count > 1 ? "days" : unit}`;
}

const clockTime = (ms) => new Date(ms).toLocaleTimeString();

/** How the last attempt ended: "200 · 12 ms". */
export function lastAttempt({ attempts }) {
  const last = attempts.at(-1);
  if (!last) return "";
  return `${last.http ?? "no answer"} · ${milliseconds(last.took_ms)}`;
}

function next({ state, at_ms: at }) {
  if (state !== "retry") return null;
  const skip = attempt(() => put("clock", { advance_ms: Math.max(0, at - now()) + 1 }));
  return el(
    "p",
    {},
    `Comes again at ${clockTime(at)} of the emulator's clock, ${timeLeft(at - now())}. `,
    el("button", { class: "link-button", type: "button", click: skip }, "Move the clock there"),
  );
}

function attempts(delivery) {
  return delivery.attempts.map(({ at_ms: at, sentence }, i) => el("li", {}, el("span", { class: "muted" }, `${i + 1}. ${clockTime(at)} `), sentence));
}

function element(delivery, open) {
  const { id, event, state, body } = delivery;
  const again = attempt(() => post("redeliver", { id }));
  return el(
    "li",
    { class: "delivery", "data-delivery": id },
    el(
      "details",
      { open },
      el("summary", {}, el("code", {}, event), el("span", { class: `state ${state}` }, WORDS[state] ?? state), el("span", { class: "last" }, lastAttempt(delivery))),
      el(
        "div",
        { class: "delivery-body" },
        SAYS[state] && el("p", {}, SAYS[state]),
        delivery.attempts.length > 0 && el("ol", {}, attempts(delivery)),
        next(delivery),
        el("pre", { tabindex: "0" }, body),
      ),
    ),
    el("button", { class: "tool", type: "button", click: again, title: "Byte for byte, as Zoom's retries are", "aria-label": `Send ${event} again` }, "Send again"),
  );
}

/** `clockOffset` is how far the emulator's clock is from this machine's. */
export function setClock(clockOffset) {
  if (clockOffset === offset) return;
  offset = clockOffset;
  showDeliveries();
}

/** Shows them, newest first. */
function showDeliveries() {
  const list = byId("deliveries");
  const isOpen = (id) => Boolean(list.querySelector(`[data-delivery="${id}"] details[open]`));
  const newest = [...known.values()].slice(-MOST).reverse();
  list.replaceChildren(...newest.map((delivery) => element(delivery, isOpen(delivery.id))));
  byId("no-deliveries").hidden = known.size > 0;
  byId("forget-deliveries").hidden = known.size === 0;
}

/** Puts a delivery, new or changed. */
export function putDelivery(delivery) {
  known.set(delivery.id, delivery);
  const list = byId("deliveries");
  const shown = list.querySelector(`[data-delivery="${delivery.id}"]`);
  if (!shown) return showDeliveries();
  const had = shown.contains(document.activeElement) ? document.activeElement.tagName : null;
  const fresh = element(delivery, shown.querySelector("details").open);
  shown.replaceWith(fresh);
  if (had) fresh.querySelector(had.toLowerCase())?.focus();
}

export function replaceDeliveries(all) {
  known.clear();
  for (const delivery of all) known.set(delivery.id, delivery);
  showDeliveries();
}

export const forgetDeliveries = () => forget("deliveries");
