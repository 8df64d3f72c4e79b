// What went wrong on this page itself, as one sentence that goes away when it is read.
import { byId, el } from "./dom.js";

export function complain(error) {
  const box = byId("alert");
  const close = () => (box.hidden = true);
  box.replaceChildren(
    el("span", {}, error.message || String(error)),
    el("button", { class: "button small", type: "button", click: close }, "Close"),
  );
  box.hidden = false;
}

/** A handler that reports its failure instead of losing it. */
export const attempt =
  (action) =>
  async (...given) => {
    try {
      return await action(...given);
    } catch (error) {
      complain(error);
    }
  };
