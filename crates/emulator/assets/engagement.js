// The agent's side of the Contact Center: one engagement with one consumer, which the person at the page moves on.
import { attempt } from "./alert.js";
import { put } from "./control.js";
import { byId, el, refill } from "./dom.js";

const STATES = { active: "active", inactive: "on hold", "wrap-up": "wrap-up", end: "ended" };
const CHANNELS = { voice: "Voice", video: "Video", messaging: "Chat", email: "Email" };
/** What can come after a state: the name of the button, and the state. */
const NEXT = {
  active: [["Hold", "inactive"], ["Wrap up", "wrap-up"]],
  inactive: [["Resume", "active"], ["Wrap up", "wrap-up"]],
  "wrap-up": [["End", "end"]],
  end: [],
};

const move = (change) => attempt(() => put("engagement", change));

const button = (text, change, kind = "") => el("button", { class: `button small ${kind}`, type: "button", click: move(change) }, text);

const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

function start() {
  const channel = el("select", { id: "engagement-channel" }, Object.entries(CHANNELS).map(([value, words]) => el("option", { value, selected: value === "messaging" }, words)));
  const begin = attempt(() => put("engagement", { channel: channel.value }));
  return [
    el("p", { class: "muted" }, "No consumer is waiting."),
    el("label", { class: "field" }, "Channel", channel),
    el("div", { class: "engagement-actions" }, el("button", { class: "button small primary", type: "button", click: begin }, "Start an engagement")),
  ];
}

function going({ consumer, channel, queue, state, id }) {
  return [
    el("span", { class: "engagement-state" }, STATES[state] ?? state),
    el("dl", {}, fact("Consumer", consumer), fact("Channel", CHANNELS[channel] ?? channel), fact("Queue", queue), fact("Engagement", el("code", {}, id))),
    el("div", { class: "engagement-actions" }, NEXT[state].map(([text, next]) => button(text, { state: next }))),
  ];
}

/** Shows the engagement where the client is in the Contact Center. */
export function showEngagement({ where, engagement }) {
  const box = byId("engagement");
  box.hidden = where.typ !== "contact_center";
  if (box.hidden) return;
  refill(box, engagement, () => [
    el("h3", {}, "Engagement"),
    engagement ? going(engagement) : [],
    !engagement || engagement.state === "end" ? start() : [],
  ]);
}
