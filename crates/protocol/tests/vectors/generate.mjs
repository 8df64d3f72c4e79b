// Makes the contexts that app-context.json does not have: `node generate.mjs > app-context-more.json`.
// Nothing of Stagedoor is used here, so agreement proves something. Secrets and IVs are throw-away and fixed.
import { createCipheriv, createHash } from "node:crypto";

const SECRET = "q1W2e3R4t5Y6u7I8o9P0aSdFgHjKlZxC";
const CLIENT = "vEcToR_cLiEnT_iD_01aZ";
const NOW = 1763769630000;
const IV = Buffer.from(Array.from({ length: 12 }, (_, i) => 0xa0 + i));
const CLAIMS = { typ: "panel", uid: "77A6G6xIS62MkqTlFWJhbg", aud: CLIENT, iss: "marketplace.zoom.us", ts: NOW - 30000, exp: NOW + 90000 };

const u8 = (n) => Buffer.from([n & 0xff]);
const u16 = (n) => Buffer.from([n & 0xff, n >> 8]);
const i32 = (n) => { const b = Buffer.alloc(4); b.writeInt32LE(n); return b; };

// The parts of a context, each of which a case may replace.
function parts(plaintext, { iv = IV, aad = Buffer.alloc(0) } = {}) {
  const key = createHash("sha256").update(SECRET).digest();
  const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: 16 });
  cipher.setAAD(aad);
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { ivLen: u8(iv.length), iv, aadLen: u16(aad.length), aad, sealedLen: i32(sealed.length), sealed, tag: cipher.getAuthTag(), rest: Buffer.alloc(0) };
}

const bytes = (p) => Buffer.concat([p.ivLen, p.iv, p.aadLen, p.aad, p.sealedLen, p.sealed, p.tag, p.rest]);
const json = (changes = {}) => JSON.stringify({ ...CLAIMS, ...changes });
const flip = (buffer, at = 0) => { const b = Buffer.from(buffer); b[at] ^= 1; return b; };

const vectors = [];
function vector(id, name, code, why, context, now = NOW) {
  vectors.push({ id, name, origin: "generated", secret: SECRET, context, now_ms: now, expected_aud: CLIENT, recommended: code ? "reject" : "accept", why, code });
}
const binary = (id, name, code, why, change, options) => {
  const p = parts(json(), options);
  vector(id, name, code, why, bytes({ ...p, ...change(p) }).toString("base64url"));
};
const text = (id, name, code, why, plaintext, now) => vector(id, name, code, why, bytes(parts(plaintext)).toString("base64url"), now);
const spelled = (id, name, code, why, spell) => {
  // Claims for which base64 has all of `+`, `/` and padding.
  const raw = bytes(parts(json({ act: "??>>~~" }), { iv: Buffer.from("fbeffefbfffefbefbeffffff", "hex") }));
  vector(id, name, code, why, spell(raw.toString("base64"), raw.toString("base64url")));
};

// Layout and seal
const sealedWith = (length) => ({ iv: Buffer.alloc(length, 7) });
binary(14, "iv-16", "context_layout", "correctly sealed, but only 12 bytes are an IV of ours", () => ({}), sealedWith(16));
binary(59, "iv-8", "context_layout", "correctly sealed, but only 12 bytes are an IV of ours", () => ({}), sealedWith(8));
binary(60, "iv-13", "context_layout", "correctly sealed, but only 12 bytes are an IV of ours", () => ({}), sealedWith(13));
binary(61, "iv-length-0", "context_layout", "no IV at all", () => ({ ivLen: u8(0), iv: Buffer.alloc(0) }));
binary(62, "iv-length-11", "context_layout", "length one less than there is", () => ({ ivLen: u8(11) }));
binary(19, "tampered-iv", "context_seal", "one bit flipped", (p) => ({ iv: flip(p.iv, 11) }));
for (const [id, length] of [[22, 14], [23, 13], [24, 12], [25, 8], [27, 3]])
  binary(id, `truncated-tag-${length}`, "context_layout", "the tag has exactly 16 bytes", (p) => ({ tag: p.tag.subarray(0, length) }));
binary(29, "trailing-byte", "context_layout", "nothing stands behind the tag", () => ({ rest: u8(0) }));
binary(63, "trailing-context", "context_layout", "nothing stands behind the tag", (p) => ({ rest: bytes(p) }));
binary(31, "truncated-in-aad-length", "context_layout", "one byte of two", (p) => ({ aadLen: u8(0), aad: Buffer.alloc(0), sealedLen: Buffer.alloc(0), sealed: Buffer.alloc(0), tag: Buffer.alloc(0) }));
binary(33, "ciphertext-length-one-less", "context_layout", "does not add up", (p) => ({ sealedLen: i32(p.sealed.length - 1) }));
binary(35, "ciphertext-length-one-more", "context_layout", "does not add up", (p) => ({ sealedLen: i32(p.sealed.length + 1) }));
binary(37, "ciphertext-length-greatest", "context_layout", "does not add up", () => ({ sealedLen: i32(0x7fffffff) }));
binary(64, "ciphertext-length-least", "context_layout", "negative", () => ({ sealedLen: i32(-0x80000000) }));
binary(65, "ciphertext-length-big-endian", "context_layout", "the fields are little-endian", (p) => ({ sealedLen: Buffer.from(p.sealedLen).reverse() }));
binary(66, "ciphertext-shorter-tag-longer", "context_layout", "the border between them is fixed", (p) => ({ sealedLen: i32(p.sealed.length - 1), sealed: p.sealed.subarray(0, -1) , tag: Buffer.concat([p.sealed.subarray(-1), p.tag]) }));
binary(38, "aad-length-overrun", "context_layout", "longer than all that follows", () => ({ aadLen: u16(0xffff) }));
binary(67, "aad-length-one-more", "context_layout", "shifts every field behind it", () => ({ aadLen: u16(1) }));
binary(68, "aad-added", "context_seal", "associated data that was not sealed", () => ({ aadLen: u16(4), aad: Buffer.from("zoom") }));
binary(69, "aad-removed", "context_seal", "associated data that was sealed is gone", () => ({ aadLen: u16(0), aad: Buffer.alloc(0) }), { aad: Buffer.from("zoom") });
binary(70, "empty-ciphertext", "context_seal", "only a tag", () => ({ sealedLen: i32(0), sealed: Buffer.alloc(0) }));
text(71, "empty-plaintext", "context_content", "correctly sealed nothing", "");

// Spelling
vector(72, "empty", "context_layout", "no context at all", "");
spelled(73, "url-alphabet", null, "as Zoom sends it", (_, url) => url);
spelled(74, "standard-alphabet", null, "padded, with + and /", (standard) => standard);
spelled(75, "standard-alphabet-unpadded", null, "padding is optional", (standard) => standard.replaceAll("=", ""));
spelled(76, "mixed-alphabets", "context_encoding", "one alphabet at a time", (standard) => standard.replace("+", "-"));
spelled(77, "half-padding", "context_encoding", "padding is whole or absent", (standard) => { if (!standard.endsWith("==")) throw new Error("needs two"); return standard.slice(0, -1); });
spelled(78, "too-much-padding", "context_encoding", "padding is whole or absent", (_, url) => url + "===");
spelled(79, "padding-inside", "context_encoding", "padding is at the end", (_, url) => url.slice(0, 100) + "==" + url.slice(100));
spelled(39, "space-inside", "context_encoding", "no whitespace", (_, url) => url.slice(0, 64) + " " + url.slice(64));
spelled(80, "space-behind", "context_encoding", "no whitespace", (_, url) => url + " ");
spelled(81, "line-breaks", "context_encoding", "no CRLF", (_, url) => url.slice(0, 64) + "\r\n" + url.slice(64));
spelled(82, "line-break-behind", "context_encoding", "no LF", (_, url) => url + "\n");
spelled(83, "nul-behind", "context_encoding", "no NUL", (_, url) => url + "\0");
spelled(84, "percent-encoded", "context_encoding", "decoding the query is the caller's", (standard) => encodeURIComponent(standard));
spelled(85, "not-ascii", "context_encoding", "no other byte", (_, url) => url + "é");
spelled(86, "spare-bits", "context_encoding", "the unused bits of the last character are zero", (_, url) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return url.slice(0, -1) + alphabet[alphabet.indexOf(url.at(-1)) + 1];
});
vector(87, "too-long", "context_encoding", "more than 8 KiB", bytes(parts(json({ act: "x".repeat(6100) }))).toString("base64url"));
vector(88, "long", null, "less than 8 KiB", bytes(parts(json({ act: "x".repeat(5800) }))).toString("base64url"));

// Plaintext
const members = json().slice(1, -1);
text(41, "invalid-utf-8", "context_content", "not repaired with U+FFFD", Buffer.from(`{${members},"act":"\xff"}`, "latin1"));
text(89, "invalid-utf-8-in-unknown-member", "context_content", "also where nobody looks", Buffer.from(`{${members},"theme":"\xc3("}`, "latin1"));
text(90, "lone-surrogate", "context_content", "not a character", `{${members},"act":"\\ud800"}`);
text(44, "null", "context_content", "not an object", "null");
text(91, "number", "context_content", "not an object", "1");
text(92, "text", "context_content", "not an object", JSON.stringify(json()));
text(93, "array-of-claims", "context_content", "the claims in their order are not an object", JSON.stringify(Object.values(CLAIMS)));
text(94, "object-in-array", "context_content", "not an object", `[${json()}]`);
text(95, "byte-order-mark", "context_content", "JSON has none", `\ufeff${json()}`);
text(96, "two-objects", "context_content", "one object and nothing behind it", json() + json());
text(97, "whitespace-around", null, "JSON may have it", ` \n${json()}\t`);
text(45, "duplicate-key", "context_content", "readers differ about which one counts", `{${members},"uid":"somebody-else"}`);
text(46, "duplicate-key-escaped", "context_content", "the same name, spelled otherwise", `{${members},"\\u0075id":"somebody-else"}`);
text(47, "duplicate-key-deep", "context_content", "also in unknown members", `{${members},"theme":[{"a":1,"a":2}]}`);
text(98, "duplicate-key-unknown", "context_content", "also unknown members themselves", `{${members},"theme":1,"theme":2}`);
text(99, "nested-deeply", "context_content", "recursion has a limit", `{${members},"theme":${"[".repeat(500)}${"]".repeat(500)}}`);
text(100, "trailing-comma", "context_content", "not JSON", `{${members},}`);
text(101, "comment", "context_content", "not JSON", `{${members}/**/}`);

// Claims
text(51, "exp-text", "context_content", "an instant is an integer", json({ exp: String(CLAIMS.exp) }));
text(52, "exp-fraction", "context_content", "an instant is an integer", json().replace(`"exp":${CLAIMS.exp}`, `"exp":${CLAIMS.exp}.5`));
text(102, "exp-float", "context_content", "an instant is written as an integer", json().replace(`"exp":${CLAIMS.exp}`, `"exp":${CLAIMS.exp}.0`));
text(103, "exp-exponent", "context_content", "an instant is written as an integer", json().replace(`"exp":${CLAIMS.exp}`, '"exp":1.76376972e12'));
text(104, "exp-junk", "context_content", "not JSON", json().replace(`"exp":${CLAIMS.exp}`, `"exp":${CLAIMS.exp}junk`));
text(105, "exp-null", "context_content", "null is absent", json({ exp: null }));
text(106, "exp-too-large", "context_content", "not 64 bits", json().replace(`"exp":${CLAIMS.exp}`, '"exp":99999999999999999999'));
text(107, "exp-greatest", "context_times", "lives for ever", json().replace(`"exp":${CLAIMS.exp}`, '"exp":9223372036854775807'));
text(108, "exp-negative", "context_expired", "long ago", json({ exp: -1 }));
text(109, "exp-now", null, "not past yet", json({ exp: NOW }));
text(110, "exp-before-ts", "context_times", "expired before it was issued", json({ ts: NOW + 50000, exp: NOW + 40000 }));
text(53, "ts-in-the-future", "context_times", "more than a minute ahead", json({ ts: NOW + 60001, exp: NOW + 120000 }));
text(111, "ts-a-minute-ahead", null, "clocks differ", json({ ts: NOW + 60000, exp: NOW + 120000 }));
text(56, "life-too-long", "context_times", "more than ten minutes", json({ ts: NOW, exp: NOW + 600001 }));
text(112, "life-of-ten-minutes", null, "the longest that is believed", json({ ts: NOW, exp: NOW + 600000 }));
text(57, "ts-missing", "context_content", "absent is not zero", json({ ts: undefined }));
text(113, "ts-least", "context_times", "arithmetic does not wrap", json().replace(`"ts":${CLAIMS.ts}`, '"ts":-9223372036854775808'));
text(114, "ts-text", "context_content", "an instant is an integer", json({ ts: String(CLAIMS.ts) }));
text(58, "aud-missing", "context_content", "absent is not ours", json({ aud: undefined }));
text(115, "aud-empty", "context_audience", "empty is not ours", json({ aud: "" }));
text(116, "aud-list", "context_content", "one audience", json({ aud: [CLIENT] }));
text(117, "aud-other-case", "context_audience", "compared exactly", json({ aud: CLIENT.toLowerCase() }));
text(118, "aud-with-space", "context_audience", "compared exactly", json({ aud: `${CLIENT} ` }));
text(119, "iss-missing", "context_content", "absent is not Zoom", json({ iss: undefined }));
text(120, "iss-url", "context_issuer", "compared exactly", json({ iss: "https://marketplace.zoom.us" }));
text(121, "typ-missing", "context_content", "always there", json({ typ: undefined }));
text(122, "typ-unknown", null, "an open set", json({ typ: "contactcenter" }));
text(123, "typ-number", "context_content", "a text", json({ typ: 1 }));
text(124, "uid-empty", "context_content", "an empty identity is not a guest", json({ uid: "" }));
text(125, "uid-number", "context_content", "a text", json({ uid: 1 }));
text(126, "uid-header-injection", "context_content", "no CRLF in an identifier", json({ uid: "a\r\nX-Forwarded-User: b" }));
text(127, "uid-too-long", "context_content", "at most 256 bytes", json({ uid: "x".repeat(257) }));
text(128, "mid-with-space", "context_content", "no spaces in an identifier", json({ mid: "a b" }));
text(129, "act-object", "context_content", "act is a text, also where it holds JSON", json({ act: { url: "/" } }));

vectors.sort((a, b) => a.id - b.id);
process.stdout.write(`${JSON.stringify({ made_with: `Node ${process.version}`, vectors }, null, 1)}\n`);
