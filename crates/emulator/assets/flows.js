// What can be done with a flow: keep it beyond a reset, compare it with another, take it away as one file.
import { attempt } from "./alert.js";
import { compare } from "./compare.js";
import { byId, el } from "./dom.js";
import { exportFlow } from "./export.js";
import { forgetKept, isKept, keep, kept, sameFlow } from "./kept.js";
import { summary } from "./step.js";

const tool = (text, action, properties = {}) => el("button", { class: "tool", type: "button", click: attempt(action), ...properties }, text);

/** The buttons of the live flow that begins with `first`: `flow()` is how it is now, `flows()` all of them. */
export function flowTools(first, flow, flows) {
  const wasKept = isKept({ id: first.flow, steps: [first] });
  const toggle = ({ currentTarget: button }) => {
    const now = flow();
    if (isKept(now)) forgetKept(now);
    else keep(now);
    button.setAttribute("aria-pressed", String(isKept(now)));
  };
  return [
    tool("Keep", toggle, { "aria-pressed": String(wasKept), title: "Keep beyond a reset, in this browser" }),
    tool("Compare", () => compare(flow(), [...flows(), ...kept()]), { title: "Side by side with another flow" }),
    tool("Export", () => exportFlow(flow()), { title: "One HTML file, secrets redacted" }),
  ];
}

/** Lists the kept flows that are no longer among the live ones, `flows()`. */
export function showKept(flows) {
  const gone = kept().filter((flow) => !flows().some((live) => sameFlow(live, flow)));
  const forget = (flow) => {
    forgetKept(flow);
    showKept(flows);
  };
  byId("kept").hidden = gone.length === 0;
  byId("kept").replaceChildren(
    ...gone.map((flow) =>
      el(
        "li",
        {},
        el("span", {}, `${flow.title}, ${new Date(flow.steps[0].at_ms).toLocaleTimeString()}`, el("span", { class: "muted" }, ` kept · ${summary(flow.steps).text}`)),
        tool("Compare", () => compare(flow, [...flows(), ...kept()])),
        tool("Export", () => exportFlow(flow)),
        tool("Forget", () => forget(flow)),
      ),
    ),
  );
}
