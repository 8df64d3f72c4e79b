// Makes session-jwts.json: sessions of an imaginary site, signed with nothing but node:crypto. Keys and signatures are new
// each time. Run: node generate.mjs > session-jwts.json
import { createHmac, generateKeyPairSync, sign, constants } from "node:crypto";

const now = 1_763_769_600;
const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const kinds = {
  ES256: { type: "ec", options: { namedCurve: "P-256" }, hash: "sha256", more: { dsaEncoding: "ieee-p1363" } },
  ES384: { type: "ec", options: { namedCurve: "P-384" }, hash: "sha384", more: { dsaEncoding: "ieee-p1363" } },
  EdDSA: { type: "ed25519", options: {}, hash: null, more: {} },
  RS256: { type: "rsa", options: { modulusLength: 2048 }, hash: "sha256", more: {} },
  PS256: {
    type: "rsa",
    options: { modulusLength: 2048 },
    hash: "sha256",
    more: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
};

const secret = "canary-secret-of-the-site-0123456789abcdef";
const claims = { iss: "https://login.example.com", aud: "web", exp: now + 600, email: "a@b.c" };
const keys = {};
for (const [alg, kind] of Object.entries(kinds)) {
  keys[alg] = generateKeyPairSync(kind.type, kind.options);
}

function token(alg, payload = claims, header = {}) {
  const text = `${part({ alg, typ: "JWT", kid: alg, ...header })}.${part(payload)}`;
  if (alg === "HS256") return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  const { hash, more } = kinds[alg];
  return `${text}.${sign(hash, Buffer.from(text), { key: keys[alg].privateKey, ...more }).toString("base64url")}`;
}

const jwk = (alg) => ({ ...keys[alg].publicKey.export({ format: "jwk" }), kid: alg, use: "sig", alg });
const pem = (alg) => keys[alg].publicKey.export({ format: "pem", type: "spki" });
const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;

// The public key of ES256 as a secret of HS256, and the like: what a verifier that believes the header falls for.
const confused = () => {
  const text = `${part({ alg: "HS256", typ: "JWT", kid: "ES256" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", pem("ES256")).update(text).digest("base64url")}`;
};

const out = {
  now,
  secret,
  jwks: { keys: Object.keys(kinds).map(jwk) },
  pem: Object.fromEntries(["ES256", "ES384", "EdDSA", "RS256"].map((alg) => [alg, pem(alg)])),
  pem_of_1024_bits: small.export({ format: "pem", type: "spki" }),
  private_pem: keys.ES256.privateKey.export({ format: "pem", type: "pkcs8" }),
  valid: Object.fromEntries([...Object.keys(kinds), "HS256"].map((alg) => [alg, token(alg)])),
  also_valid: {
    "a list of audiences": token("ES256", { ...claims, aud: ["other", "web"] }),
    "begun a minute ahead of us": token("ES256", { ...claims, nbf: now + 60 }),
    "ends in a second": token("ES256", { ...claims, exp: now + 1 }),
  },
  invalid: {
    "another issuer": token("ES256", { ...claims, iss: "https://login.example.com.evil.example" }),
    "no issuer": token("ES256", { ...claims, iss: undefined }),
    "another audience": token("ES256", { ...claims, aud: "web2" }),
    "no audience": token("ES256", { ...claims, aud: undefined }),
    "an empty list of audiences": token("ES256", { ...claims, aud: [] }),
    "ends now": token("ES256", { ...claims, exp: now }),
    "ended long ago": token("ES256", { ...claims, exp: now - 86_400 }),
    "never ends": token("ES256", { ...claims, exp: undefined }),
    "ends with a text": token("ES256", { ...claims, exp: String(now + 600) }),
    "ends with a fraction": token("ES256", { ...claims, exp: now + 600.5 }),
    "ends in milliseconds, which is no number of seconds": token("ES256", { ...claims, exp: -1 }),
    "begins in an hour": token("ES256", { ...claims, nbf: now + 3600 }),
    "begins with a text": token("ES256", { ...claims, nbf: "now" }),
    "an algorithm that is not the key's": token("HS256", claims, { kid: "ES256" }),
    "HS256 with the public key": confused(),
    "no algorithm": `${part({ alg: "none" })}.${part(claims)}.`,
    "no algorithm, known key": `${part({ alg: "none", kid: "ES256" })}.${part(claims)}.`,
    "no signature": token("ES256").replace(/[^.]*$/, ""),
    "another key of the set": token("RS256", claims, { kid: "PS256" }),
    "an unknown key": token("ES256", claims, { kid: "nobody" }),
    "no key id among many": token("ES256", claims, { kid: undefined }),
    "something critical": token("ES256", claims, { crit: ["exp"] }),
    "claims that are a list": token("ES256", [claims]),
    "members that repeat": token("ES256", `{"iss":"${claims.iss}","aud":"web","exp":${now + 600},"email":"a@b.c","email":"e@b.c"}`),
    "two parts": token("ES256").split(".").slice(0, 2).join("."),
    "four parts": `${token("ES256")}.`,
    nothing: "",
  },
};
console.log(JSON.stringify(out, null, 2));
