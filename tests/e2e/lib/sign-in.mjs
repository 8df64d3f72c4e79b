// A sign-in at a third party without a browser: the hops of `lib/third-party.mjs` one by one, so that each can be cut.

import assert from "node:assert/strict";

import { Hops, install } from "./hops.mjs";

const CONNECTION = "/zoom/connect/acme";

/** A user who has added the app and has it open in the client. */
export async function appUser(stage) {
  await install(stage);
  const user = new SignIn(stage);
  await user.open();
  return user;
}

class SignIn {
  constructor({ webView, control }) {
    Object.assign(this, { webView, control, client: new Hops() });
  }

  /** The client opens the app, by a deep link where there is one. */
  async open(link) {
    await this.wake(link);
    await this.load();
  }

  /** The client wakes up, and has not loaded the app yet. */
  async wake(link) {
    const { url } = await this.control.post("launch", link ? { deep_link: link } : {});
    await this.client.get(url);
  }

  /** The client loads the app, or loads it again, with all that the link brought. */
  async load() {
    assert.equal(await this.client.navigate(`${this.webView}/`), 200);
  }

  #ask(method, path = "") {
    const headers = { origin: this.webView, "sec-fetch-site": "same-origin", "content-type": "application/json" };
    return this.client.json(`${this.webView}${CONNECTION}${path}`, { method, headers, body: method === "POST" ? "{}" : undefined });
  }

  /** The page asks where to sign in: the address for the external browser. */
  async begin() {
    const { status, json, text } = await this.#ask("POST");
    assert.equal(status, 200, text);
    return json.authorizeUrl;
  }

  /** The external browser signs in: the callback that it is sent back to. */
  async signIn(address) {
    return (await new Hops().get(address)).location;
  }

  /** The external browser goes back: the deep link, or null where there is only a page. */
  async goBack(callback) {
    const { status, location, text } = await new Hops().get(callback);
    assert.ok(status < 400, `${status} ${text.slice(0, 300)}`);
    return location;
  }

  /** All of it, from the button to the connection. */
  async connect() {
    const callback = await this.signIn(await this.begin());
    await this.open(await this.goBack(callback));
  }

  disconnect() {
    return this.#ask("DELETE");
  }

  /** How the connection stands. It is whole, or it is not there: whoever is connected can call the third party. */
  async state() {
    const { status, json, text } = await this.#ask("GET");
    assert.equal(status, 200, text);
    if (json.connected) assert.deepEqual((await this.#ask("GET", "/api/me")).json, { name: "Ada" });
    return json;
  }

  async isConnected() {
    return (await this.state()).connected;
  }
}
