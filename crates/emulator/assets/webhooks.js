// Webhooks: where they go, what can be sent, and what was sent.
import { attempt } from "./alert.js";
import { post, put } from "./control.js";
import { forgetDeliveries, setClock, timeLeft } from "./deliveries.js";
import { byId } from "./dom.js";
import { loadCatalogue, wireTrigger } from "./trigger.js";

const HEALTH = {
  unset: ["", "Zoom sends events once the app has a webhook URL."],
  unvalidated: ["not validated", "Zoom sends nothing until the URL answers its challenge."],
  valid: ["valid", ""],
  disabled: ["disabled", "Six validations failed in a row, so Zoom sends nothing any more. Validate it to go on."],
};

/** What to say of a subscription: its state as a word, and what that means. */
export function told({ health, failures, sentence, next_validation_ms: next }, now) {
  const [word, meaning] = HEALTH[health];
  if (health !== "valid") return { word, says: [sentence, meaning].filter(Boolean).join(" ") };
  const due = `Zoom validates it again ${timeLeft(next - now)}.`;
  if (failures === 0) return { word, says: due };
  return { word: "failing", says: `${sentence} ${failures} of 6 failures in a row. ${due}` };
}

let configured = null;

export function showWebhooks({ webhook, now_ms: now, offset_ms: offset }) {
  const { word, says } = told(webhook, now);
  const badge = byId("health");
  badge.textContent = word;
  badge.className = `state ${word === "failing" ? "failing" : webhook.health}`;
  byId("health-says").textContent = says;
  byId("validate").hidden = webhook.health === "unset";
  // What somebody is typing stays, unless the URL was changed elsewhere.
  if (configured !== webhook.url) byId("subscription").url.value = webhook.url ?? "";
  configured = webhook.url;
  setClock(offset);
}

export function wireWebhooks() {
  byId("subscription").addEventListener(
    "submit",
    attempt(async (event) => {
      event.preventDefault();
      await put("webhook", { url: event.target.url.value.trim() || null });
    }),
  );
  byId("validate").addEventListener("click", attempt(() => post("webhook/validate")));
  byId("forget-deliveries").addEventListener("click", attempt(forgetDeliveries));
  wireTrigger();
  attempt(loadCatalogue)();
}
