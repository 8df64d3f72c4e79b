// The empty diagram teaches what it is going to show.
import { el, svg } from "./dom.js";

const FLOWS = [
  {
    title: "Install",
    sentence: "The browser goes to your backend, Zoom asks for consent, the code becomes tokens, and a deep link opens the app.",
    arrows: [[0, 1], [0, 2], [2, 1], [1, 2], [2, 3]],
  },
  {
    title: "Launch",
    sentence: "The client opens your page with a sealed context. Your backend opens the seal and knows who looks at it, and where.",
    arrows: [[3, 3], [3, 1], [1, 3]],
  },
  {
    title: "Calls",
    sentence: "What the page asks the client through the Apps SDK, and what your backend asks of Zoom's API.",
    arrows: [[3, 2], [1, 2], [2, 1]],
  },
  {
    title: "Webhooks",
    sentence: "Zoom tells your backend what happened, signed, and comes again if it is not answered.",
    arrows: [[2, 1], [1, 2]],
  },
];

const laneX = (lane) => 26 + lane * 52;

function sketch(arrows) {
  const lines = [0, 1, 2, 3].map((lane) =>
    svg("line", { x1: laneX(lane), x2: laneX(lane), y1: 4, y2: 116, stroke: "currentColor", "stroke-opacity": 0.5 }),
  );
  const shafts = arrows.map(([from, to], i) => {
    const [x1, x2, y] = [laneX(from), laneX(to), 20 + i * 20];
    const side = x2 > x1 ? -1 : 1;
    const shaft = from === to ? `M${x1} ${y - 8}h16v12h-14` : `M${x1} ${y}H${x2}`;
    const head = from === to ? `M${x1} ${y + 4}l7-4v8z` : `M${x2} ${y}l${7 * side}-4v8z`;
    return [
      svg("path", { d: shaft, fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-dasharray": "4 3" }),
      svg("path", { d: head, fill: "currentColor" }),
    ];
  });
  return svg("svg", { viewBox: "0 0 208 120", "aria-hidden": "true" }, lines, shafts);
}

/** `start` is what the button of the first flow does; without it there is no button. */
export function ghosts(start) {
  return el(
    "div",
    { class: "ghosts" },
    FLOWS.map(({ title, sentence, arrows }, i) =>
      el(
        "section",
        { class: "ghost" },
        el(
          "div",
          {},
          el("h3", {}, title),
          el("p", {}, sentence),
          i === 0 && start && el("button", { class: "button small", type: "button", click: start }, "Start here: Add to Zoom"),
        ),
        sketch(arrows),
      ),
    ),
  );
}
