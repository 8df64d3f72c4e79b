// The Apps SDK's other end: the app in the frame asks by message, the emulator answers over its control API.
import { post } from "./control.js";

/** A request of the SDK, or `null`: a message may hold anything. */
export function readCall(data) {
  if (typeof data !== "string") return null;
  try {
    const call = JSON.parse(data);
    return typeof call?.jsCallId === "string" && typeof call?.apiName === "string" ? call : null;
  } catch {
    return null;
  }
}

async function answer(view, { apiName, data }) {
  try {
    return await post("sdk-call", { view, api: apiName, ...(data !== undefined && { data }) });
  } catch (error) {
    return { errorCode: "emulator", errorMessage: error.message };
  }
}

/** Calls whose answers are on their way. An event that follows from a call comes after its answer, as in Zoom. */
const underWay = new Set();

/** Passes an event of the client on to the app. */
export async function tell(app, name, data) {
  await Promise.allSettled(underWay);
  if (app.contentWindow) app.contentWindow.postMessage({ type: "event", name, data }, new URL(app.src).origin);
}

/** `frame()` and `view()` are those of the app that is open; only its window is listened to, only its origin answered. */
export function answerCalls({ frame, view, openInBrowser }) {
  window.addEventListener("message", async ({ source, data, origin }) => {
    const app = frame();
    if (!app || source !== app.contentWindow || origin !== new URL(app.src).origin) return;
    const call = readCall(data);
    if (!call) return;
    const answered = answer(view(), call);
    underWay.add(answered);
    const { result, errorCode, errorMessage } = await answered;
    underWay.delete(answered);
    if (call.apiName === "openUrl" && typeof result?.open === "string") openInBrowser(result.open);
    const reply = errorCode || errorMessage ? { errorCode, errorMessage, result: null } : { result };
    source.postMessage({ type: "apiResponse", data: { jsCallId: call.jsCallId, ...reply } }, origin);
  });
}
