// A browser without a window: it follows redirects by hand and keeps cookies, so that each hop can be cut or counted.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";

export class Hops {
  cookies = new Map();

  async send(url, { method = "GET", headers = {}, body } = {}) {
    const answer = await fetch(url, { method, body, redirect: "manual", headers: { cookie: this.#cookie(), accept: "text/html", ...headers } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.cookies.set(name, value);
    }
    return { status: answer.status, headers: answer.headers, location: answer.headers.get("location"), text: await answer.text() };
  }

  get(url) {
    return this.send(url);
  }

  /** Opens a page in the client and gives the status. `fetch` cannot: it says of each request that it is for a script. */
  async navigate(url) {
    const request = http.get(url, { headers: { cookie: this.#cookie(), accept: "text/html" }, agent: false });
    const [answer] = await once(request, "response");
    answer.resume();
    return answer.statusCode;
  }

  #cookie() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async json(url, options = {}) {
    const answer = await this.send(url, { ...options, headers: { accept: "application/json", ...options.headers } });
    return { ...answer, json: answer.text === "" ? null : JSON.parse(answer.text) };
  }
}

/** Adds the app as the user who sits at the emulated client; consent is given without asking. */
export async function install({ app, control, zoom }) {
  await control.put("consent", { mode: "allow" });
  const browser = new Hops();
  const begun = await browser.get(`${app}/zoom/install`);
  const consented = await browser.get(begun.location);
  const { status, location, text } = await browser.get(consented.location);
  assert.ok(location?.startsWith(`${zoom}/launch/`), `the install ended with ${status}: ${text.slice(0, 300)}`);
}

/** Opens the app as the user who sits at the emulated client: a browser with the session. */
export async function launch({ app, control }, claims = {}) {
  const { context } = await control.post("context", claims);
  const browser = new Hops();
  const { status, text } = await browser.send(`${app}/`, { headers: { "x-zoom-app-context": context } });
  assert.equal(status, 200, text.slice(0, 300));
  return browser;
}

/** Lets a gateway make the call of `askZoom`. */
export const MAY_ASK_ZOOM = ["--set", "app.api_allow=GET /v2/users/me"];

/** Asks Zoom who the user is, through the gateway at `origin`, as a page of the app does. */
export const askZoom = (browser, origin) => browser.json(`${origin}/zoom/api/v2/users/me`);

/** Another user of the emulated Zoom, who from now on sits at the client. */
export async function newUser(control, name) {
  const { id } = await control.post("users", { name });
  await control.put("user", { id });
  return id;
}
