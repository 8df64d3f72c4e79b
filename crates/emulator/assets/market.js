// The Marketplace: the listing of the app, and the ways to add it.
import { attempt } from "./alert.js";
import { post } from "./control.js";
import { byId, el, refill } from "./dom.js";

/** Starts an install in this very tab, as a browser at the Marketplace does. */
export const add = attempt(async (from) => {
  const { url } = await post("add", { from });
  location.assign(url);
});

const open = attempt(() => post("launch"));
const remove = attempt(() => post("uninstall"));

function button(text, action, kind = "") {
  // A button that is disabled loses its focus; this one waits.
  const run = async ({ currentTarget }) => {
    if (currentTarget.ariaBusy === "true") return;
    currentTarget.ariaBusy = "true";
    await action();
    currentTarget.ariaBusy = null;
  };
  return el("button", { class: `button ${kind}`, type: "button", click: run }, text);
}

function notInstalled() {
  return [
    el("p", {}, "Adding it sends this browser to the app's landing page, from there to Zoom's consent page, and back. Watch the steps appear as they happen."),
    el("div", { class: "listing-actions" }, button("Add", () => add("landing"), "primary large")),
    el(
      "p",
      { class: "aside" },
      el("button", { class: "link-button", type: "button", click: () => add("marketplace") }, "Add without the landing page"),
      el("br"),
      "As Local Test does: your redirect URL is called with a code and no state. A careful backend drops that code and starts again at its landing page.",
    ),
  ];
}

function installed({ scopes }, name, hasWebhooks) {
  return [
    el("p", { class: "badge" }, `Added by ${name}`),
    el("div", { class: "listing-actions" }, button("Open", open, "primary large"), button("Remove", remove)),
    hasWebhooks && el("p", { class: "hint" }, "Removing it tells your backend by the webhook app_deauthorized."),
    scopes.length > 0 && el("p", { class: "aside" }, "It may: ", scopes.map((scope, i) => [i ? ", " : "", el("code", {}, scope)])),
  ];
}

export function showMarket({ app, user, users, installed: grants, webhook }) {
  const grant = grants.find((each) => each.user === user);
  const me = users.find(({ id }) => id === user);
  const fact = (name, ...values) => [el("dt", {}, name), el("dd", {}, values.map((value, i) => [i ? el("br") : "", value]))];
  const listing = byId("listing");
  listing.removeAttribute("aria-busy");
  refill(listing, [app, me, grant, webhook.url], () => [
    el(
      "div",
      { class: "listing-head" },
      el("span", { class: "app-icon", "aria-hidden": "true" }, app.name.slice(0, 1).toUpperCase()),
      el("div", {}, el("h2", {}, app.name), el("p", { class: "muted" }, `A Zoom App whose backend is ${app.backend || "yours"}`)),
    ),
    grant ? installed(grant, me?.name ?? "this user", webhook.url !== null) : notInstalled(),
    el(
      "dl",
      { class: "facts" },
      fact("Home URL", app.home_url),
      fact("Landing URL", app.landing_url),
      fact("Redirect URLs", ...app.redirect_urls),
      fact("Client ID", app.client_id),
      webhook.url && fact("Webhook URL", webhook.url),
    ),
  ]);
}
