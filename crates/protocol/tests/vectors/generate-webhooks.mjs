// Makes webhooks whose bodies do not survive JSON.stringify(JSON.parse(body)): `node generate-webhooks.mjs > webhook-more.json`.
// Nothing of Stagedoor is used here, so agreement proves something. Secret and time are throw-away and fixed.
import { createHmac } from "node:crypto";

const SECRET = "whSecretToken_TEST_01234567890AB";
const TIMESTAMP = "1763769600";
const vectors = [];

function vector(name, why, body, code = null) {
  const signature = createHmac("sha256", SECRET).update(`v0:${TIMESTAMP}:${body}`).digest("hex");
  const headers = { "x-zm-request-timestamp": TIMESTAMP, "x-zm-signature": `v0=${signature}` };
  let changes = true;
  try {
    changes = JSON.stringify(JSON.parse(body)) !== body;
  } catch {}
  if (!changes) throw new Error(`${name} survives`);
  vectors.push({ name, origin: "generated", secret: SECRET, headers, body, why, code });
}

const event = (topic, more = "") =>
  `{"event":"meeting.updated","event_ts":1763769600123,"payload":{"account_id":"EabCDEFghiLHMA","object":{"id":81234567890,"topic":${topic}${more}}}}`;

vector("emoji-escaped", "Zoom escapes what lies beyond the Basic Multilingual Plane, in capitals", event(String.raw`"\uD83D\uDE92 drill"`));
vector("emoji-escaped-among-raw", "and leaves the rest as it is", event(String.raw`"’Fire’ – \uD83D\uDE92"`));
vector("letters-escaped", "an escape that need not be one", event(String.raw`"caf\u00e9"`));
vector("ascii-escaped", "an escape that need not be one", event(String.raw`"\u0041\u0042"`));
vector("upper-case-escape", "the digits of an escape have two spellings", event(String.raw`"caf\u00E9"`));
vector("slash-escaped", "a slash may be escaped", event(String.raw`"https:\/\/zoom.us\/j\/1"`));
vector("control-escaped", "a tab has two spellings", event(String.raw`"a\u0009b"`));
vector("nul-escaped", "NUL among them", event(String.raw`"a\u0000b\u007F"`));
vector("half-a-pair", "a text that was cut in the middle of an emoji", event(String.raw`"cut \uD83D"`));
vector("half-a-pair-before-another", "half a pair, then a whole one", event(String.raw`"\uD83D\uD83D\uDE92"`));
vector("separators", "U+2028, raw in JSON and no line end there", event('"a\u2028b"', ', "x":1'));
vector("fraction-of-nothing", "1.0 is 1 when written again", event('"a"', ',"duration":1.0'));
vector("exponent", "1e3 is 1000 when written again", event('"a"', ',"duration":1e3'));
vector("minus-nothing", "-0 is 0 when written again", event('"a"', ',"duration":-0'));
vector("number-beyond-2-53", "a large number is rounded when parsed", event('"a"', ',"resource":9007199254740993'));
vector("many-digits", "digits are lost when parsed", event('"a"', ',"share":0.10000000000000000555'));
vector("spaces", "spaces between", event('"a"').replaceAll(":", ": ").replaceAll(",", ", "));
vector("lines", "line ends of both kinds", event('"a"').replaceAll("{", "{\r\n\t").replaceAll("}", "\n}"));
vector("space-around", "space before and after", ` \n${event('"a"')}\n`);
vector("number-like-names", "members whose names are numbers change places", event('"a"', ',"2":0,"1":0'));
vector("prototype", "a name that is special in JavaScript", event('"a"', ',"__proto__":{"x":1 }'));
vector("member-twice", "readers differ about which counts, so none does", event('"a"', ',"topic":"b"'), "webhook_malformed");
vector("event-twice", "the same, of the event itself", event('"a"').replace('{"event"', '{"event":"app_deauthorized","event"'), "webhook_malformed");
vector("byte-order-mark", "not JSON", `\ufeff${event('"a"')}`, "webhook_malformed");
vector("something-behind", "not JSON", `${event('"a"')} {}`, "webhook_malformed");
vector("a-list", "not an object", `[${event('"a"')} ]`, "webhook_malformed");
vector("event-is-a-number", "not a name", event('"a"').replace('"meeting.updated"', "1.0"), "webhook_malformed");
vector("event-is-empty", "not a name", event('"a"', ' ').replace("meeting.updated", ""), "webhook_malformed");
vector("event-breaks-a-header", "not a name", event('"a"', ' ').replace("meeting.updated", "a\\r\\nb"), "webhook_malformed");
const asked = (token) => `{"payload":{"plainToken": ${token}},"event_ts":1763769600123,"event":"endpoint.url_validation"}`;
vector("challenge-signs-an-event", "signed, but what it asks for is the signature of an event", asked(JSON.stringify(`v0:${TIMESTAMP}:${event('"a"')}`)), "webhook_challenge_refused");
vector("challenge-empty", "not a token", asked('""'), "webhook_challenge_refused");
vector("challenge-too-long", "not a token", asked(`"${"x".repeat(129)}"`), "webhook_challenge_refused");
vector("challenge-with-space", "not a token", asked('"a b"'), "webhook_challenge_refused");
vector("challenge-with-colon", "not a token", asked('"v0:1"'), "webhook_challenge_refused");
vector("challenge-with-letters-beyond-ascii", "not a token", asked('"é"'), "webhook_challenge_refused");
vector("challenge-without-token", "not a token", asked("null"), "webhook_challenge_refused");
vector("challenge-number", "not a token", asked("1234567890"), "webhook_challenge_refused");

process.stdout.write(`${JSON.stringify({ made_with: `Node ${process.version}`, vectors }, null, 1)}\n`);
