// Waiting: for a while, and for something to happen.

import { setTimeout as sleep } from "node:timers/promises";

export { sleep };

/**
 * Looks every `every` milliseconds until `look` gives something that counts, and returns it; fails after `within`
 * milliseconds. `what` names it, or is a function that does when it never came.
 */
export async function until(what, look, { within = 60_000, every = 20 } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${typeof what === "function" ? what() : what}`);
    await sleep(every);
  }
}
