// Waiting: for a while, for something to happen, and for something to be so. No test is about how fast a machine is, so
// whatever comes at all may take long.

import { setTimeout as sleep } from "node:timers/promises";

export { sleep };

/** How long anything may take that is bound to come, in milliseconds: far longer than it does on a slow and busy machine. */
export const PATIENCE = 120_000;

/**
 * Looks every `every` milliseconds until `look` gives something that counts, and returns it; fails after `within`
 * milliseconds. `what` names it, or is a function that does when it never came.
 */
export async function until(what, look, { within = PATIENCE, every = 20 } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${typeof what === "function" ? what() : what}`);
    await sleep(every);
  }
}

/**
 * Checks again and again until `check`, a function of assertions, holds, and returns what it returns; fails after `within`
 * milliseconds with what it said last. For whatever may come a moment later than what the test has waited for.
 */
export async function eventually(check, { within = PATIENCE, every = 20 } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(every);
    }
  }
}
