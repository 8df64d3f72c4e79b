// Two flows side by side: which steps are the same, which differ, and by how much.
import { byId, el } from "./dom.js";
import { sameFlow } from "./kept.js";
import { outcome, summary } from "./step.js";

const says = (step) => (step ? [step.arrow, outcome(step).verdict, step.status].join(" ") : "");

function cell(step) {
  if (!step) return el("td", { class: "muted" }, "not there");
  const { verdict, took } = outcome(step);
  return el("td", {}, el("code", {}, step.arrow), `${verdict} ${took}`.trim() || "done", step.problem && el("div", {}, step.problem.sentence));
}

function row(n, one, other) {
  return el("tr", { class: says(one) === says(other) ? null : "differs" }, el("td", {}, String(n)), cell(one), cell(other));
}

const label = (flow) => `${flow.title}, ${new Date(flow.steps[0].at_ms).toLocaleTimeString()}: ${summary(flow.steps).text}`;

function table(one, other) {
  const rows = Array.from({ length: Math.max(one.steps.length, other.steps.length) }, (_, i) => row(i + 1, one.steps[i], other.steps[i]));
  const differing = rows.filter((each) => each.className === "differs").length;
  return [
    el("p", { role: "status" }, differing === 0 ? "The steps are the same." : `${differing} of ${rows.length} steps differ.`),
    el(
      "table",
      { class: "compare" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "#"), el("th", { scope: "col" }, label(one)), el("th", { scope: "col" }, label(other)))),
      el("tbody", {}, rows),
    ),
  ];
}

/** Opens the dialog for `flow`; of `all`, the latest other one of its kind is chosen first. */
export function compare(flow, all) {
  const others = all.filter((each, i) => !sameFlow(each, flow) && all.findIndex((first) => sameFlow(first, each)) === i);
  const box = byId("compare");
  if (others.length === 0) {
    box.replaceChildren(el("p", {}, "There is no other flow yet. Run one again, or keep this one and reset."));
  } else {
    const start = Math.max(0, others.findLastIndex(({ kind }) => kind === flow.kind));
    const result = el("div", { class: "stack" });
    const show = (index) => result.replaceChildren(...table(flow, others[index]));
    const choice = el("select", { change: ({ target }) => show(Number(target.value)) }, others.map((each, i) => el("option", { value: i, selected: i === start }, label(each))));
    box.replaceChildren(el("label", { class: "field" }, "With ", choice), result);
    show(start);
  }
  byId("compare-dialog").showModal();
}
