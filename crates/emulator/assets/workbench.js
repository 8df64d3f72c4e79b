// The page's beginning: one state, shown by four parts, fed by one stream of events.
import { attempt } from "./alert.js";
import { showBar, wireBar } from "./bar.js";
import { showClient, wireClient } from "./client.js";
import { forget } from "./control.js";
import { Diagram } from "./diagram.js";
import { wireDialogs } from "./dialogs.js";
import { byId } from "./dom.js";
import { flowTools, showKept } from "./flows.js";
import { follow } from "./live.js";
import { add, showMarket } from "./market.js";
import { tabs } from "./tabs.js";

let first = true;

const chooseHalf = tabs(document.querySelector(".half-switch"), (tab) => (byId("halves").dataset.shown = tab.dataset.half));
const chooseTab = tabs(byId("zoom-tabs"), (tab) => {
  for (const pane of ["pane-client", "pane-market"]) byId(pane).hidden = tab.getAttribute("aria-controls") !== pane;
});

const goTo = (tab) => {
  chooseHalf(byId("show-zoom"));
  chooseTab(byId(tab));
};

const diagram = new Diagram({
  tools: (first) => flowTools(first, () => diagram.flow(first.flow), () => diagram.flows()),
  start: () => add("landing"),
});

function showState(state) {
  showBar(state);
  showMarket(state);
  showClient(state, () => goTo("tab-market"));
  diagram.name(state.app);
}

function showCount() {
  byId("step-count").textContent = diagram.count > 0 ? `(${diagram.count})` : "";
  byId("clear").hidden = diagram.count === 0;
}

wireDialogs();
wireBar();
wireClient();
byId("clear").addEventListener("click", attempt(() => forget("steps")));

follow({
  online: (online) => (byId("offline").hidden = online),
  snapshot({ state, steps }) {
    showState(state);
    diagram.replaceAll(steps);
    showKept(() => diagram.flows());
    showCount();
    if (first || (!state.view && steps.length === 0)) chooseTab(byId(state.view ? "tab-client" : "tab-market"));
    first = false;
  },
  state: showState,
  step(step) {
    diagram.put(step);
    showCount();
  },
  view: () => goTo("tab-client"),
});
