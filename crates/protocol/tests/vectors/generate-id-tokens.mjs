// Makes ID tokens in every algorithm, good and bad: `node generate-id-tokens.mjs > id-tokens.json`.
// Nothing of Stagedoor is used here, so agreement proves something. The keys are new with each run and thrown away.
import { createHmac, constants, generateKeyPairSync, sign } from "node:crypto";

const NOW = 1763769630;
const CLAIMS = {
  iss: "https://acme.example", sub: "248289761001", aud: "s6BhdRkqt3", nonce: "n-0S6_WzA2Mj",
  iat: NOW - 5, exp: NOW + 3600, email: "ada@acme.example",
};

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const ed = generateKeyPairSync("ed25519");

const b64 = (data) => Buffer.from(data).toString("base64url");
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const raw = { dsaEncoding: "ieee-p1363" };
const SIGN = {
  RS256: (data) => sign("sha256", data, rsa.privateKey),
  RS512: (data) => sign("sha512", data, rsa.privateKey),
  PS256: (data) => sign("sha256", data, { key: rsa.privateKey, ...pss }),
  PS384: (data) => sign("sha384", data, { key: rsa.privateKey, ...pss }),
  ES256: (data) => sign("sha256", data, { key: p256.privateKey, ...raw }),
  ES384: (data) => sign("sha384", data, { key: p384.privateKey, ...raw }),
  EdDSA: (data) => sign(null, data, ed.privateKey),
};
const KID = { RS256: "rsa", RS512: "rsa", PS256: "rsa", PS384: "rsa", ES256: "p256", ES384: "p384", EdDSA: "ed" };

function token(header, signer, payload = JSON.stringify(CLAIMS)) {
  const head = `${b64(JSON.stringify(header))}.${b64(payload)}`;
  return `${head}.${b64(signer(Buffer.from(head)))}`;
}

const good = Object.keys(SIGN).map((alg) => ({ alg, token: token({ alg, kid: KID[alg] }, SIGN[alg]) }));
good.push({ alg: "RS256", token: token({ alg: "RS256", typ: "JWT" }, SIGN.RS256), name: "without kid" });

const spki = rsa.publicKey.export({ type: "spki", format: "pem" });
const hmac = (key) => (data) => createHmac("sha256", key).update(data).digest();
const twice = JSON.stringify(CLAIMS).replace("{", '{"sub":"somebody-else",');
const bad = [
  { name: "alg none without a signature", error: "Algorithm", token: `${b64('{"alg":"none"}')}.${b64(JSON.stringify(CLAIMS))}.` },
  { name: "alg None", error: "Algorithm", token: token({ alg: "None" }, SIGN.RS256) },
  { name: "HS256 with the public key as secret", error: "Algorithm", token: token({ alg: "HS256", kid: "rsa" }, hmac(spki)) },
  { name: "HS256 with the client secret", error: "Algorithm", token: token({ alg: "HS256" }, hmac("client-secret")) },
  { name: "an unknown key", error: "UnknownKey", token: token({ alg: "RS256", kid: "other" }, SIGN.RS256) },
  { name: "a key of another kind", error: "UnknownKey", token: token({ alg: "RS256", kid: "p256" }, SIGN.RS256) },
  { name: "a key for encryption", error: "UnknownKey", token: token({ alg: "RS256", kid: "enc" }, SIGN.RS256) },
  { name: "a key for another algorithm", error: "UnknownKey", token: token({ alg: "RS256", kid: "rs512-only" }, SIGN.RS256) },
  { name: "a DER signature", error: "Signature", token: token({ alg: "ES256", kid: "p256" }, (data) => sign("sha256", data, p256.privateKey)) },
  { name: "signed with another key", error: "Signature", token: token({ alg: "ES256", kid: "p256" }, (data) => sign("sha256", data, { key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, ...raw })) },
  { name: "without its signature", error: "Signature", token: token({ alg: "RS256", kid: "rsa" }, () => "") },
  { name: "a critical extension", error: "Malformed", token: token({ alg: "RS256", kid: "rsa", crit: ["b64"], b64: false }, SIGN.RS256) },
  { name: "a claim twice", error: "Malformed", token: token({ alg: "RS256", kid: "rsa" }, SIGN.RS256, twice) },
  { name: "an array", error: "Malformed", token: token({ alg: "RS256", kid: "rsa" }, SIGN.RS256, "[]") },
];

const jwk = (key, more) => ({ ...key.publicKey.export({ format: "jwk" }), ...more });
const jwks = {
  keys: [
    { kty: "AKP", kid: "of the future", pub: "AAAA" },
    { kty: "oct", kid: "secret", k: b64("client-secret") },
    jwk(rsa, { kid: "enc", use: "enc" }),
    jwk(rsa, { kid: "rs512-only", use: "sig", alg: "RS512" }),
    jwk(rsa, { kid: "rsa", use: "sig" }),
    jwk(p256, { kid: "p256", use: "sig", alg: "ES256" }),
    jwk(p384, { kid: "p384" }),
    jwk(ed, { kid: "ed", use: "sig" }),
  ],
};
console.log(JSON.stringify({ now: NOW, claims: CLAIMS, jwks, good, bad }, null, 1));
