// A flow as one HTML file that needs neither script nor network: it opens anywhere and can be attached to an issue.
import { el } from "./dom.js";
import { lanesOf, stepElement, summary } from "./step.js";

const STYLES = ["/assets/tokens.css", "/assets/diagram.css"];
const FRAME = "body{max-width:880px;margin:0 auto;padding:24px 16px;background:var(--surface)}h1{font-size:var(--s5)}h1+p{margin-bottom:16px}.step-body .links:empty{display:none}";

const styleSheet = async (path) => (await fetch(path)).text();

/** Data beside the picture, for tools. No `<` survives, so the text cannot end its own element. */
function data(flow) {
  const script = el("script", { type: "application/json", id: "flow" });
  script.textContent = JSON.stringify(flow).replaceAll("<", "\\u003c");
  return script;
}

function page(flow, css) {
  const date = new Date(flow.steps[0].at_ms).toISOString().replace("T", " ").slice(0, 19);
  const steps = flow.steps.map((step) => stepElement(step, flow.names, false));
  const html = el(
    "html",
    { lang: "en" },
    el(
      "head",
      {},
      el("meta", { charset: "utf-8" }),
      el("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      el("title", {}, `${flow.title}, ${date} UTC`),
      el("style", {}, css + FRAME),
    ),
    el(
      "body",
      {},
      el(
        "main",
        { class: "flow" },
        el("h1", {}, flow.title),
        el("p", { class: "muted" }, `${summary(flow.steps).text} · ${date} UTC · recorded by the Stagedoor emulator, secrets redacted`),
        el("div", { class: "lanes" }, lanesOf(flow.kind).map((lane) => el("span", {}, flow.names[lane]))),
        el("ol", {}, steps),
      ),
      data(flow),
    ),
  );
  for (const live of html.querySelectorAll("[data-live]")) live.remove();
  return `<!doctype html>\n${html.outerHTML}\n`;
}

export async function exportFlow(flow) {
  const css = (await Promise.all(STYLES.map(styleSheet))).join("\n");
  const url = URL.createObjectURL(new Blob([page(flow, css)], { type: "text/html" }));
  const name = `${flow.title} ${new Date(flow.steps[0].at_ms).toISOString().slice(0, 19)}`.replaceAll(/[^A-Za-z0-9]+/g, "-").toLowerCase();
  el("a", { href: url, download: `${name}.html` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
