// Tabs as the ARIA pattern wants them: arrows move, Home and End jump, and only the chosen tab is in the tab order.

/** Wires the tabs of `list`; `chosen(tab)` is called with each newly chosen one. Returns the function that chooses. */
export function tabs(list, chosen) {
  const all = [...list.querySelectorAll('[role="tab"]')];
  const choose = (tab) => {
    for (const each of all) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    chosen(tab);
  };
  list.addEventListener("click", ({ target }) => {
    const tab = target.closest('[role="tab"]');
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at === -1 || next === undefined) return;
    event.preventDefault();
    const tab = all[(next + all.length) % all.length];
    tab.focus();
    choose(tab);
  });
  choose(all.find((tab) => tab.getAttribute("aria-selected") === "true") ?? all[0]);
  return choose;
}
