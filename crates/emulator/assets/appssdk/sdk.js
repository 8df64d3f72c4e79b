/*
 * A stand-in for https://appssdk.zoom.us/sdk.js, so that an app runs in the emulator without a network.
 *
 * This is our own code, not Zoom's. It speaks the message protocol that was observed between @zoom/appssdk 0.16.41 and
 * the client: a JSON string to the parent window, an object back. For production load Zoom's own script.
 *
 * One difference, on purpose: messages count only when they come from the parent window.
 */
(() => {
  "use strict";

  const TIMEOUT_MS = 10_000;
  const OLDEST_VERSION = "0.14";

  class ZoomApiError extends Error {
    constructor(message, code, requestId) {
      super(message);
      this.name = "ZoomApiError";
      this.code = code;
      this.requestId = requestId;
    }
  }

  /** Calls that wait for an answer, by their jsCallId. */
  const waiting = new Map();
  /** Event name to the handlers that listen, in the order they were added. */
  const handlers = new Map();
  let configured = false;
  let timeoutForAll;

  const newCallId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return "id" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  // The parent's origin cannot be known before it has spoken, so the request goes to "*", as Zoom's SDK sends it.
  const post = (request) => window.parent.postMessage(JSON.stringify(request), "*");

  const ask = (request, timeoutMs) =>
    new Promise((resolve, reject) => {
      const { apiName, jsCallId } = request;
      const timer = setTimeout(() => {
        waiting.delete(jsCallId);
        reject(new Error(`${apiName} took longer than ${timeoutMs}ms to respond.\n requestId: ${jsCallId}`));
      }, timeoutMs);
      waiting.set(jsCallId, ({ result, errorCode, errorMessage }) => {
        clearTimeout(timer);
        waiting.delete(jsCallId);
        if (errorCode || errorMessage) reject(new ZoomApiError(errorMessage, errorCode, jsCallId));
        else resolve(result);
      });
      post(request);
    });

  const call = async (apiName, data, timeoutMs) => {
    if (window.parent === window) throw new Error("The Zoom Apps SDK is not supported by this browser");
    if (apiName !== "config" && !configured) {
      throw new Error("must call zoomSdk.config before using other API methods");
    }
    const request = { jsCallId: newCallId(), apiName };
    if (data) request.data = data;
    if (apiName === "openUrl") {
      post(request);
      return { message: "success" };
    }
    return ask(request, timeoutForAll ?? timeoutMs ?? TIMEOUT_MS);
  };

  window.addEventListener("message", (message) => {
    if (message.source !== window.parent) return;
    const { type, name, data } = Object(message.data);
    if (type === "apiResponse") waiting.get(data?.jsCallId)?.(data);
    if (type === "event") for (const handler of [...(handlers.get(name) ?? [])]) handler(data);
  });

  const sdk = {
    callZoomApi: (apiName, data, timeoutMs) => call(apiName, data, timeoutMs),

    async config({ capabilities, popoutSize, size, version = OLDEST_VERSION, timeout }) {
      timeoutForAll = timeout ?? timeoutForAll;
      const answer = await call("config", { js_api_lists: capabilities, size: popoutSize ?? size, version });
      configured = Boolean(answer?.clientVersion);
      return answer;
    },

    async getRunningContext() {
      return { context: await call("getRunningContext") };
    },

    async openUrl(options) {
      return call("openUrl", { ...options, url: new URL(options.url).href });
    },

    addEventListener(name, handler) {
      handlers.set(name, [...(handlers.get(name) ?? []), handler]);
    },

    removeEventListener(name, handler) {
      handlers.set(name, (handlers.get(name) ?? []).filter((each) => each !== handler));
    },
  };
  sdk.on = sdk.addEventListener;
  sdk.off = sdk.removeEventListener;

  /**
   * Every other name is an API of the client, called by its name, or for `on` and a capital letter an event to listen to.
   * `then` is neither: without this exception `await zoomSdk` would call the client and never settle.
   */
  window.zoomSdk = new Proxy(sdk, {
    get(target, name) {
      if (name in target || typeof name !== "string" || name === "then") return target[name];
      if (/^on[A-Z]/.test(name)) return (handler) => target.addEventListener(name, handler);
      return (data) => call(name, data);
    },
  });
})();
