// What the emulator tells as it happens. Each (re)connection, and each reset, begins with the whole state; what arrives
// until the rest has been fetched waits for it.
import { get } from "./control.js";

const RETRY_MS = 2000;

/**
 * Calls `on.snapshot({state, steps, deliveries})` before any other event, then the handlers of the others by their names,
 * if they are there; and `on.online(boolean)` whenever the emulator comes or goes.
 */
export function follow(on) {
  const source = new EventSource("/control/events");
  let state = null;
  let early = [];

  const begin = () => {
    state = null;
    early = [];
  };

  const snapshot = async () => {
    const waiting = early;
    try {
      const [steps, deliveries] = await Promise.all([get("steps"), get("deliveries")]);
      if (early !== waiting) return;
      early = null;
      on.online(true);
      on.snapshot({ state, steps, deliveries });
      for (const [name, data] of waiting) on[name]?.(data);
    } catch {
      on.online(false);
      if (early === waiting) setTimeout(snapshot, RETRY_MS);
    }
  };

  // The stream alone tells the state: an answer of its own could come before what the stream told earlier.
  source.addEventListener("state", ({ data }) => {
    const isFirst = state === null;
    state = JSON.parse(data);
    if (isFirst) snapshot();
    else if (!early) on.state?.(state);
  });
  for (const name of ["step", "delivery", "view", "sdk-event", "consent-request"]) {
    source.addEventListener(name, ({ data }) => (early ? early.push([name, JSON.parse(data)]) : on[name]?.(JSON.parse(data))));
  }
  source.addEventListener("open", begin);
  source.addEventListener("reset", begin);
  source.addEventListener("error", () => {
    on.online(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(on), RETRY_MS);
  });
}
