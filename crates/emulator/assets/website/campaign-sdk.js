// What Zoom's campaign SDK does with a visitor: it asks who they are when an engagement begins and when the page is loaded
// again, and hands the token to Zoom.
import { ask, send } from "./ask.js";

/** The token in an answer of the endpoint: Zoom's two documents name the member differently. */
export const tokenOf = (json) => [json?.loginUserIdJwt, json?.token].find((token) => typeof token === "string" && token !== "") ?? null;

/** Asks the endpoint itself, or the page, if it overrides that. */
async function credentials(endpoint) {
  const own = window.zoomCampaignSdkConfig?.getAuthCredentials;
  if (own) return own();
  const { asked, json } = await ask(endpoint, { credentials: "include" });
  return { asked, jwt: tokenOf(json) };
}

/** Tells Zoom of an engagement that begins (`start`) or goes on (`reload`); returns what the flow sees. */
export async function engage(endpoint, occasion) {
  const { asked = { http: 200, took_ms: 0 }, jwt } = await credentials(endpoint);
  const { json } = await send("/~zoom/chat", { occasion, asked, jwt: jwt ?? null });
  return json;
}
