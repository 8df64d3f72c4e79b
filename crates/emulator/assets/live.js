// What the emulator tells as it happens. Each (re)connection begins with a snapshot; what arrives meanwhile waits for it.
import { get } from "./control.js";

const RETRY_MS = 2000;

/**
 * Calls `on.snapshot({state, steps, deliveries})` before any other event, then the handlers of the others by their names,
 * if they are there; and `on.online(boolean)` whenever the emulator comes or goes.
 */
export function follow(on) {
  const source = new EventSource("/control/events");
  let early = null;

  const deliver = (name, data) => (early ? early.push([name, data]) : on[name]?.(data));
  for (const name of ["state", "step", "delivery", "view", "sdk-event", "consent-request"]) {
    source.addEventListener(name, (event) => deliver(name, JSON.parse(event.data)));
  }

  const snapshot = async () => {
    const waiting = (early = []);
    try {
      const [state, steps, deliveries] = await Promise.all([get("state"), get("steps"), get("deliveries")]);
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

  source.addEventListener("open", snapshot);
  source.addEventListener("reset", snapshot);
  source.addEventListener("error", () => {
    on.online(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(on), RETRY_MS);
  });
}
