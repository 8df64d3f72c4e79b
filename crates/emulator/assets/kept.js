// Flows kept in this browser: they outlive a reset, a reload and the emulator itself. Secrets were redacted before they came here.

const SLOT = "kept-flows";
const MOST = 12;

const keyOf = ({ id, steps }) => `${id}@${steps[0].at_ms}`;

/** Kept flows, oldest first; anything else found in the slot counts as none. */
export function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(SLOT));
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

const save = (flows) => localStorage.setItem(SLOT, JSON.stringify(flows));
const without = (flow) => kept().filter((each) => keyOf(each) !== keyOf(flow));

export const isKept = (flow) => without(flow).length < kept().length;
export const keep = (flow) => save([...without(flow), flow].slice(-MOST));
export const forgetKept = (flow) => save(without(flow));
export const sameFlow = (one, other) => keyOf(one) === keyOf(other);
