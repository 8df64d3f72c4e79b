// The boot page: in a frame, and without a session. It fetches Zoom's context, hands it over, and gives way to the app,
// which is the same address with a session.

import { start, StagedoorError } from "./client.js";

const SDK_MS = 8_000;
/** Who comes back here so soon after a session began does not send its cookie: to reload again would go on for ever. */
const LOOP_MS = 15_000;
const MARK = "stagedoor-boot";

const SAYINGS = {
  outside_zoom: ["This app opens in Zoom", "No Zoom client answers around this page. Open Zoom and choose the app there, or add it first."],
  sdk_unreachable: ["A part of Zoom does not load", "https://appssdk.zoom.us cannot be reached from here. Check the connection and what blocks scripts, then try again."],
  cookies_blocked: ["The browser keeps no session for this app", "It blocks the cookies of pages inside other pages. Allow them for this site, then try again."],
  unreachable: ["The app does not answer", "Check the connection, then try again."],
};

async function boot() {
  await sdkIsThere();
  await start({ bearer: false });
  if (hasJustReloaded()) throw new StagedoorError("cookies_blocked", "");
  location.reload();
}

function sdkIsThere() {
  return new Promise((resolve, reject) => {
    const look = () => window.zoomSdk && resolve();
    const fail = () => window.zoomSdk || reject(new StagedoorError("sdk_unreachable", ""));
    const script = document.getElementById("sdk");
    script.addEventListener("load", look);
    script.addEventListener("error", fail);
    setTimeout(fail, SDK_MS);
    look();
  });
}

/** Where the browser keeps nothing at all, the kind of navigation has to do. */
function hasJustReloaded() {
  try {
    const last = Number(sessionStorage.getItem(MARK));
    sessionStorage.setItem(MARK, Date.now());
    return Date.now() - last < LOOP_MS;
  } catch {
    return performance.getEntriesByType("navigation")[0]?.type === "reload";
  }
}

function explain(error) {
  const code = error instanceof StagedoorError ? error.code : "unreachable";
  const [sentence, advice] = SAYINGS[code] ?? ["The app could not be opened", error.message];
  const byId = (id) => document.getElementById(id);
  document.querySelector("main").classList.remove("late");
  document.title = byId("sentence").textContent = sentence;
  byId("advice").textContent = advice;
  byId("code").textContent = code;
  for (const id of ["help", code === "outside_zoom" ? "install" : "again"]) byId(id).hidden = false;
  byId("again").addEventListener("click", again);
}

function again() {
  try {
    sessionStorage.removeItem(MARK);
  } finally {
    location.reload();
  }
}

boot().catch(explain);
