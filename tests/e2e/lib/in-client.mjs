// In-client OAuth without a browser: what the app's page and Zoom's client do, step by step, so that each can be spoilt.

const SESSION = "__Host-stagedoor";

/** Somebody who has the app open: a session of their own, and requests as a page of the app sends them. */
export class Caller {
  constructor(app, cookie = null) {
    Object.assign(this, { app, cookie });
  }

  /** Opens the app as this user. */
  static async open({ app, control }, user) {
    const { context } = await control.post("context", { user });
    const answer = await fetch(`${app}/zoom/context`, { headers: { "x-stagedoor-context": context } });
    if (!answer.ok) throw new Error(`no session: ${answer.status} ${await answer.text()}`);
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith(`${SESSION}=`));
    return new Caller(app, cookie.split(";")[0]);
  }

  async session() {
    return (await this.#send("session")).json();
  }

  /** Challenge and state, as the page passes them to the SDK. */
  async begin() {
    return (await this.post("authorize", {})).json();
  }

  post(path, body) {
    const headers = { "content-type": "application/json", origin: this.app, "sec-fetch-site": "same-origin" };
    return this.#send(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  #send(path, { headers, ...init } = {}) {
    return fetch(`${this.app}/zoom/${path}`, { ...init, headers: { ...headers, ...(this.cookie && { cookie: this.cookie }) } });
  }
}

/** What `onAuthorized` brings when this user is asked in the web client with `begun` and decides: "allow" or "deny". */
export async function decide({ control }, user, begun, decision = "allow") {
  await control.put("user", { id: user });
  const { view } = await control.post("launch", { surface: "web" });
  return decideIn({ control }, view, begun, decision);
}

/** The same in a view that is open. */
export async function decideIn({ control }, view, begun, decision = "allow") {
  await control.put("consent", { mode: decision });
  const events = await fetch(`${control.origin}/control/events`);
  const told = eventOf(events.body, view);
  await control.post("sdk-call", { view, api: "authorize", data: begun });
  const event = await told;
  await control.put("consent", { mode: "ask" });
  return event;
}

async function eventOf(stream, view) {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (const [, data] of text.matchAll(/^event: ?sdk-event\ndata: ?(.+)\n\n/gm)) {
      const told = JSON.parse(data);
      if (told.view === view && told.name === "onAuthorized") return told.data;
    }
  }
  throw new Error("the client told nothing");
}
