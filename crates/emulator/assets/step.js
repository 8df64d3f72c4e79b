// One step of the diagram: an arrow between two lanes, and behind it everything that is known about it.
import { curl } from "./curl.js";
import { el, outLink, svg } from "./dom.js";

const LANES = ["browser", "backend", "zoom", "client"];

/** The lanes of a flow: a sign-in at a third party has one more. */
export const lanesOf = (kind) => (kind === "connect" || kind === "provider" ? [...LANES, "provider"] : LANES);

export function milliseconds(ms) {
  if (ms < 1) return "< 1 ms";
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** What came back: a verdict and how long it took, each empty when it is not known. */
export function outcome({ status, http, took_ms }) {
  const verdict = http === null ? (status === "failed" ? "failed" : "") : String(http);
  return { verdict, took: took_ms === null ? "" : milliseconds(took_ms) };
}

/** "9 steps · 412 ms", and whether something failed. */
export function summary(steps) {
  const failed = steps.filter(({ status }) => status === "failed").length;
  const took = Math.max(...steps.map(({ at_ms, took_ms }) => at_ms + (took_ms ?? 0))) - steps[0].at_ms;
  const counted = steps.length === 1 ? "1 step" : `${steps.length} steps`;
  return { failed, text: failed ? `${failed} failed · ${counted}` : `${counted} · ${milliseconds(took)}` };
}

const arrowHead = (x, y, left) =>
  svg("svg", { x: `${x}%`, y, overflow: "visible" }, svg("path", { class: "head", d: left ? "M1 0l7-4v8z" : "M-1 0l-7-4v8z" }));

function arrow(from, to, y, kind) {
  if (from === to) {
    const loop = svg("path", { class: kind, d: "M1-8h20v14H8" });
    return [svg("svg", { x: `${from}%`, y, overflow: "visible" }, loop, svg("path", { class: "head", d: "M1 6l7-4v8z" }))];
  }
  return [svg("line", { class: kind, x1: `${from}%`, x2: `${to}%`, y1: y, y2: y }), arrowHead(to, y, to < from)];
}

function track(step) {
  const lanes = lanesOf(step.kind);
  /** The middle of a lane, in percent of the track. */
  const middleOf = (lane) => (Math.max(lanes.indexOf(lane), 0) + 0.5) * (100 / lanes.length);
  const [from, to] = [middleOf(step.from), middleOf(step.to)];
  const { verdict, took } = outcome(step);
  const answered = from !== to && (step.status === "pending" || verdict + took !== "");
  const lifelines = lanes.map((lane) =>
    svg("line", { class: "lifeline", x1: `${middleOf(lane)}%`, x2: `${middleOf(lane)}%`, y1: "0", y2: "100%" }),
  );
  const box = el(
    "span",
    { class: answered ? "track" : "track one-way" },
    svg("svg", { "aria-hidden": "true" }, lifelines, arrow(from, to, 28, "ask"), answered && arrow(to, from, 44, "answer")),
    el("span", { class: "said" }, step.arrow),
    answered && el("span", { class: "came" }, step.status === "pending" ? "waiting" : [el("b", {}, verdict), ` ${took}`]),
  );
  const middle = (from + to) / 2;
  box.style.setProperty("--middle", `${middle}%`);
  box.style.setProperty("--room", `${2 * Math.min(middle, 100 - middle)}%`);
  return box;
}

/** What is wrong and how to mend it; for a step that works all the same, what there is to know. */
function problem(found, failed, docs) {
  return el(
    "div",
    { class: failed ? "problem" : "problem advice" },
    el("p", {}, el("strong", {}, found.sentence)),
    found.fix && el("p", {}, found.fix),
    found.setting && el("p", {}, "Setting: ", el("code", {}, found.setting)),
    docs && el("p", {}, outLink(docs.url, `Zoom's documentation: ${docs.title}`)),
  );
}

function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function message(title, firstLine, { headers, body }) {
  const lines = [firstLine, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const text = lines.join("\n") + (body ? `\n\n${readable(body)}` : "");
  return el("div", {}, el("p", { class: "label" }, title), el("pre", { tabindex: "0" }, text));
}

/** Works as a button in the page; in an exported file, which has no script, it is left out. */
function copyButton(request) {
  const copy = async ({ currentTarget: button }) => {
    await navigator.clipboard.writeText(curl(request));
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy as curl"), 2000);
  };
  return el("button", { class: "link-button", type: "button", "data-live": "", click: copy }, "Copy as curl");
}

function body(step) {
  const { request, answer, docs } = step;
  return el(
    "div",
    { class: "step-body" },
    el("p", {}, el("strong", {}, step.title), el("br"), step.sentence),
    el(
      "p",
      { class: "links" },
      docs && outLink(docs.url, `Zoom's documentation: ${docs.title}`),
      request && /^https?:/.test(request.url) && copyButton(request),
    ),
    request && message("Request", `${request.method} ${request.url}`, request),
    answer && message("Answer", `HTTP ${answer.status}`, answer),
  );
}

/** The element of a step. `names` are the lanes' names, `open` whether it starts unfolded. */
export function stepElement(step, names, open) {
  const spoken = ` ${names[step.from]} to ${names[step.to]}: ${step.title}`;
  return el(
    "li",
    { class: `step ${step.status}`, "data-step": step.id },
    el(
      "details",
      { open },
      el(
        "summary",
        {},
        el("span", { class: step.number ? "n numbered" : "n" }, step.number ?? String(step.n), el("span", { class: "visually-hidden" }, spoken)),
        track(step),
      ),
      body(step),
    ),
    step.problem && problem(step.problem, step.status === "failed", step.docs),
  );
}
