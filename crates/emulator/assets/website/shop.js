// The website: who is signed in, and the chat.
import { byId, el } from "/assets/dom.js";
import { ask, read, ready, send } from "./ask.js";
import { engage, tokenOf } from "./campaign-sdk.js";

const CHATS = "chat-goes-on";

const site = await read("/site.json");
const { visitor } = site;

// As a page on several domains does it: before the SDK, and with its own way to the token.
if (site.way === "override") {
  window.zoomCampaignSdkConfig = {
    async getAuthCredentials() {
      const { asked, json, headers } = await ask(site.authEndpoint, { credentials: "include" });
      return { asked, jwt: tokenOf(json), traceId: headers.get("x-zm-trackingid") ?? undefined };
    },
  };
}

async function signIn(sub) {
  await send("/sign-in", { sub });
  location.reload();
}

async function signOut() {
  await send("/sign-out");
  location.reload();
}

function showAccount() {
  byId("visitor").textContent = visitor ? visitor.name : "Not signed in";
  byId("sign-out").hidden = !visitor;
  const content = visitor
    ? [el("h2", {}, `Hello, ${visitor.given_name}`), el("p", {}, "Order 2041, one telescope: on its way.")]
    : [
        el("h2", {}, "Sign in"),
        el("p", { class: "muted" }, "Or stay who you are: nobody in particular."),
        el("div", { class: "site-row" }, site.consumers.map(({ sub, name }) => el("button", { class: "button small", type: "button", click: () => signIn(sub) }, name))),
      ];
  byId("account").replaceChildren(...content);
}

/** The flow greets: it trusts the variables only if authenticationStatus says so. */
function greet({ authenticationStatus, variables }) {
  byId("chat-start").hidden = true;
  byId("chat").hidden = false;
  byId("chat-who").textContent = authenticationStatus ? "you are known" : "you are anybody";
  const name = variables.map(({ value }) => value).find((value) => typeof value === "string" && !value.includes("@")) ?? variables[0]?.value;
  byId("chat-says").textContent = authenticationStatus
    ? `Hello${name ? `, ${name}` : ""}. I can see your orders. What is it about?`
    : "Hello. To look at an order I have to know who you are. What is it about?";
}

async function chat(occasion) {
  sessionStorage.setItem(CHATS, "yes");
  const seen = await engage(site.authEndpoint, occasion);
  if (seen.error) return endChat();
  greet(seen);
}

function endChat() {
  sessionStorage.removeItem(CHATS);
  byId("chat").hidden = true;
  byId("chat-start").hidden = false;
}

showAccount();
byId("sign-out").addEventListener("click", signOut);
byId("chat-start").addEventListener("click", () => chat("start"));
byId("chat-end").addEventListener("click", endChat);
ready();
if (sessionStorage.getItem(CHATS)) chat("reload");
