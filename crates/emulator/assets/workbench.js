// The page's beginning: one state, shown by its parts, fed by one stream of events.
import { attempt } from "./alert.js";
import { showBar, wireBar } from "./bar.js";
import { showClient, appClient, wireClient } from "./client.js";
import { openFrames, showConsumer, wireConsumer } from "./consumer.js";
import { forget } from "./control.js";
import { Diagram } from "./diagram.js";
import { wireDialogs } from "./dialogs.js";
import { putDelivery, replaceDeliveries } from "./deliveries.js";
import { byId } from "./dom.js";
import { flowTools, showKept } from "./flows.js";
import { follow } from "./live.js";
import { add, showMarket } from "./market.js";
import { showPrompt, wirePrompt } from "./prompt.js";
import { tabs } from "./tabs.js";
import { addressOf, isWebClient, showWeb, appWeb, wireWeb } from "./web.js";
import { showWebhooks, wireWebhooks } from "./webhooks.js";

let first = true;
/** Whether somebody has chosen a tab before the state was there. */
let isChosen = false;
/** Where the website is, once it is known. */
let website = null;

let diagram = null;
const chooseHalf = tabs(document.querySelector(".half-switch"), (tab) => {
  byId("halves").dataset.shown = tab.dataset.half;
  diagram?.show();
});
/** The tab that the address names: the web client has a page of its own. */
const named = isWebClient ? "tab-web" : location.hash.slice(1);
for (const tab of byId("zoom-tabs").children) {
  if (byId(named)?.parentElement === tab.parentElement) tab.setAttribute("aria-selected", String(tab.id === named));
}
const chooseTab = tabs(byId("zoom-tabs"), (tab) => {
  if ((tab.id === "tab-web") !== isWebClient) return location.assign(addressOf(tab.id));
  for (const pane of document.querySelectorAll("#half-zoom > .pane")) {
    const goes = tab.getAttribute("aria-controls") !== pane.id;
    // A focus does not go down with its pane.
    if (goes && pane.contains(document.activeElement)) tab.focus();
    pane.hidden = goes;
  }
  openFrames(byId(tab.getAttribute("aria-controls")), website);
});

byId("zoom-tabs").addEventListener("click", () => (isChosen = true), { once: true });
if (isWebClient && location.hash === "#tab-web") {
  // Whoever moves along the tabs goes on from here; the address stays the web client's.
  byId("tab-web").focus();
  history.replaceState(null, "", location.pathname + location.search);
}

const goTo = (tab) => {
  chooseHalf(byId("show-zoom"));
  chooseTab(byId(tab));
};

diagram = new Diagram({
  tools: (first) => flowTools(first, () => diagram.flow(first.flow), () => diagram.flows()),
  start: () => add("landing"),
});

function showState(state) {
  showBar(state);
  showMarket(state);
  showWebhooks(state);
  website = state.website.url;
  showConsumer(state);
  // A view is shown in the client that it was opened in, and only there.
  const isHere = state.view && (state.view.surface === "web") === isWebClient;
  const closed = { ...state, view: null };
  showClient(isHere && !isWebClient ? state : closed, () => goTo("tab-market"));
  showWeb(isHere && isWebClient ? state : closed);
  diagram.name(state.app);
}

function showCount() {
  const { count, failed } = diagram;
  byId("step-count").textContent = count > 0 ? `(${count}${failed > 0 ? `, ${failed} failed` : ""})` : "";
  byId("step-count").classList.toggle("failed", failed > 0);
  byId("clear").hidden = diagram.count === 0;
}

wireDialogs();
wireBar();
wireClient();
wireWeb();
wirePrompt();
wireWebhooks();
wireConsumer();
byId("clear").addEventListener("click", attempt(() => forget("steps")));

follow({
  online: (online) => (byId("offline").hidden = online),
  snapshot({ state, steps, deliveries }) {
    replaceDeliveries(deliveries);
    showState(state);
    diagram.replaceAll(steps);
    showKept(() => diagram.flows());
    showCount();
    const isFresh = first || (!state.view && steps.length === 0);
    if (isFresh && !byId(named) && !(first && isChosen)) chooseTab(byId(state.view?.surface === "client" ? "tab-client" : "tab-market"));
    first = false;
  },
  state: showState,
  delivery: putDelivery,
  step(step) {
    diagram.put(step);
    showCount();
  },
  view({ surface }) {
    if ((surface === "web") === isWebClient) goTo(isWebClient ? "tab-web" : "tab-client");
  },
  "consent-request"(request) {
    if ([appClient(), appWeb()].some((app) => app.shows(request.view))) showPrompt(request);
  },
  "sdk-event"(event) {
    for (const app of [appClient(), appWeb()]) app.tell(event);
  },
});
