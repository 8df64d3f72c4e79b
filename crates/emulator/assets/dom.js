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

const filled = new WeakMap();

/**
 * Fills an element anew, but only where what it shows has changed: what somebody is about to press, has opened or has
 * the focus in stays where it is.
 */
export function show(box, shown, content) {
  const now = JSON.stringify(shown);
  if (filled.get(box) === now) return;
  filled.set(box, now);
  box.replaceChildren(...content());
}

export const byId = (id) => document.getElementById(id);

/** A link out of the page; `null` unless the address is one of the web. */
export function outLink(url, text) {
  if (!/^https?:\/\//.test(url)) return null;
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, `${text} ↗`);
}
