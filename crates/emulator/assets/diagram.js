// The sequence diagram: flows of steps, growing as they happen.
import { byId, el } from "./dom.js";
import { lanesOf, stepElement, summary } from "./step.js";
import { ghosts } from "./ghosts.js";

const ANNOUNCE_MS = 800;
/** This close to the end, a reader wants to see what comes next. */
const NEAR_END_PX = 120;

export const laneNames = (app) => ({ browser: "Browser", backend: app?.backend || "Your backend", zoom: "Zoom", client: "Zoom client", provider: "Third party" });

/** `tools(first)` gives the buttons of the flow that begins with this step, `start` is what the empty state's button does. */
export class Diagram {
  #root = byId("diagram");
  #flows = new Map();
  #names = laneNames();
  #tools;
  #start;
  #announced = 0;
  /** Whether the end is looked at, and what comes is to be seen. */
  #follows = true;

  constructor({ tools = () => [], start = null } = {}) {
    this.#tools = tools;
    this.#start = start;
    this.#root.addEventListener("scroll", () => this.#noteWhereTheReaderIs());
    this.#showGhosts();
  }

  /** Every flow with its steps in order. */
  flows() {
    return [...this.#flows.values()].map(({ id, title, kind, steps }) => ({
      id,
      title,
      kind,
      names: this.#names,
      steps: [...steps.values()].sort((a, b) => a.n - b.n || a.id - b.id),
    }));
  }

  flow(id) {
    return this.flows().find((flow) => flow.id === id);
  }

  get count() {
    return [...this.#flows.values()].reduce((sum, { steps }) => sum + steps.size, 0);
  }

  name(app) {
    this.#names = laneNames(app);
  }

  get failed() {
    return this.flows().reduce((sum, { steps }) => sum + steps.filter(({ status }) => status === "failed").length, 0);
  }

  /** Goes to the end, where the reader was before the diagram was out of sight. */
  show() {
    if (this.#follows && this.count > 0) this.#root.scrollTop = this.#root.scrollHeight;
  }

  /** A diagram that is out of sight has no height, and says nothing. */
  #noteWhereTheReaderIs() {
    const { scrollHeight, scrollTop, clientHeight } = this.#root;
    if (clientHeight > 0) this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  replaceAll(steps) {
    this.#flows.clear();
    this.#root.replaceChildren();
    for (const step of steps) this.#put(step, false);
    if (steps.length === 0) this.#showGhosts();
    // What is to come is read from its beginning, what has happened from its end.
    this.#follows = true;
    this.#root.scrollTop = 0;
    this.show();
  }

  put(step) {
    this.#noteWhereTheReaderIs();
    this.#put(step, true);
    this.show();
    this.#announce(step);
  }

  #put(step, fresh) {
    const flow = this.#flows.get(step.flow) ?? this.#open(step);
    const old = flow.list.querySelector(`[data-step="${Number(step.id)}"]`);
    const node = stepElement(step, this.#names, old?.firstElementChild.open ?? false);
    flow.steps.set(step.id, step);
    if (old) {
      const focused = old.contains(document.activeElement);
      old.replaceWith(node);
      if (focused) node.querySelector("summary").focus({ preventScroll: true });
    } else {
      if (fresh) node.classList.add("fresh");
      flow.list.append(node);
    }
    const { failed, text } = summary([...flow.steps.values()]);
    flow.sum.textContent = text;
    flow.sum.classList.toggle("failed", failed > 0);
  }

  #open(first) {
    const { flow: id, flow_title: title, kind } = first;
    if (this.#flows.size === 0) this.#root.replaceChildren();
    const flow = { id, title, kind, steps: new Map(), list: el("ol"), sum: el("span", { class: "sum" }) };
    this.#root.append(
      el(
        "section",
        { class: "flow", "data-flow": id, "aria-label": title },
        el(
          "details",
          { open: true },
          el("summary", { class: "flow-head" }, el("h3", {}, title), flow.sum),
          el("div", { class: "lanes", "aria-hidden": "true" }, lanesOf(kind).map((lane) => el("span", {}, this.#names[lane]))),
          flow.list,
        ),
        el("div", { class: "flow-tools", "data-live": "" }, this.#tools(first)),
      ),
    );
    this.#flows.set(id, flow);
    return flow;
  }

  #showGhosts() {
    this.#root.replaceChildren(ghosts(this.#start));
  }

  /** Steps come in bursts; a screen reader hears the latest of each. */
  #announce(step) {
    clearTimeout(this.#announced);
    if (step.status === "pending") return;
    const words = `${step.flow_title}, step ${step.n}: ${step.title}, ${step.problem?.sentence ?? step.status}`;
    this.#announced = setTimeout(() => (byId("announce").textContent = words), ANNOUNCE_MS);
  }
}
