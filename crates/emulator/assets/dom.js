// Building elements. Text only ever arrives as text nodes, so nothing that a server says can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element. A function among the properties listens to the event of that name. */
export const el = (tag, properties = {}, ...children) => fill(document.createElement(tag), properties, children);

/** An SVG element. */
export const svg = (tag, properties = {}, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

export const byId = (id) => document.getElementById(id);

/** Facts as text, the same in whatever order their members are. */
const asText = (facts) =>
  JSON.stringify(facts, (_, value) => (Object(value) === value && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value));

/** What each box shows. */
const filled = new WeakMap();

/**
 * Fills `box` with what `build` makes, unless it shows the same `facts` already: what has not changed keeps its focus,
 * whatever somebody opened in it, and the button that somebody is pressing. Where a focus goes down with the old content,
 * the first control of the new gets it.
 */
export function refill(box, facts, build) {
  const shown = asText(facts);
  if (filled.get(box) === shown) return;
  const had = box.contains(document.activeElement);
  filled.set(box, shown);
  box.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
  if (had && !box.contains(document.activeElement)) box.querySelector("button, input, select, a, iframe")?.focus();
}

/** A link out of the page; `null` unless the address is one of the web. */
export function outLink(url, text) {
  if (!/^https?:\/\//.test(url)) return null;
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, `${text} ↗`);
}
