// Asking servers, and how it came out: what the page may know of an answer, for the emulator's diagram.

/** Sends JSON to the website's own server; an error says what that says. */
export async function send(path, body = {}) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await answer.text();
  const json = text === "" ? null : JSON.parse(text);
  if (!answer.ok && !json?.error) throw new Error(`${path}: ${answer.status}`);
  return { ok: answer.ok, json };
}

/** Shows the page, now that its scripts are there: what is pressed or typed earlier would be lost. */
export const ready = () => (document.querySelector("main").hidden = false);

export const read = async (path) => (await fetch(path)).json();

/**
 * Asks the backend. `asked` is what the diagram shows: the status, or none where the browser does not let the page know;
 * `json` is the answer, if it is JSON.
 */
export async function ask(url, options) {
  const began = performance.now();
  const took = () => Math.round(performance.now() - began);
  try {
    const answer = await fetch(url, options);
    const json = await answer.json().catch(() => null);
    return { asked: { http: answer.status, took_ms: took() }, json, headers: answer.headers };
  } catch {
    return { asked: { http: null, took_ms: took() }, json: null, headers: new Headers() };
  }
}
