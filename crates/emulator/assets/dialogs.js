// Dialogs: opened by the buttons that name them, closed by Escape, their cross, or a click beside them.
import { byId } from "./dom.js";

const EDGE_PX = 8;

/** Below the button that opened it, and never off the screen. */
function place(dialog, button) {
  if (matchMedia("(max-width: 900px)").matches) return;
  const { left, bottom } = button.getBoundingClientRect();
  const room = document.documentElement.clientWidth - dialog.offsetWidth - EDGE_PX;
  dialog.style.marginLeft = `${Math.max(EDGE_PX, Math.min(left, room))}px`;
  dialog.style.marginTop = `${bottom + EDGE_PX}px`;
}

export function wireDialogs() {
  for (const button of document.querySelectorAll("[data-opens]")) {
    const dialog = byId(button.dataset.opens);
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      dialog.showModal();
      button.setAttribute("aria-expanded", "true");
      place(dialog, button);
    });
    dialog.addEventListener("close", () => button.setAttribute("aria-expanded", "false"));
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => event.target === dialog && beside(dialog, event) && dialog.close());
  }
}

function beside(dialog, { clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
