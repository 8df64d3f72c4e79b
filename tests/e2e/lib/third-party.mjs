// A third party with plain OAuth 2.0 and S256, which signs everybody in without asking. It shares no code with ours, and
// can be made to keep silent.

import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { emptyDirectory } from "./processes.mjs";
import { startServer } from "./server.mjs";

const random = () => randomBytes(24).toString("base64url");

/**
 * Starts it. `asked` counts the requests for each path, `exchanged` the codes that were used; what is asked for at
 * `silent` is done and never answered. `settings` are the arguments with which a gateway connects users to it, as `acme`.
 */
export async function startThirdParty(t) {
  const party = { asked: {}, exchanged: 0, silent: null };
  const [codes, tokens] = [new Map(), new Set()];
  const routes = {
    "/authorize": (_, query) => {
      const [code, back] = [random(), new URL(query.get("redirect_uri"))];
      codes.set(code, query.get("code_challenge"));
      back.search = new URLSearchParams({ code, state: query.get("state") });
      return [302, {}, { location: back.href }];
    },
    "/token": (form) => {
      const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
      const expected = codes.get(form.get("code"));
      if (!codes.delete(form.get("code")) || challenge !== expected) return [400, { error: "invalid_grant" }];
      party.exchanged += 1;
      const token = random();
      tokens.add(token);
      return [200, { access_token: token, token_type: "Bearer", expires_in: 3600 }];
    },
    "/revoke": (form) => {
      tokens.delete(form.get("token"));
      return [200, {}];
    },
    "/api/me": (_, __, { authorization }) => {
      return tokens.has(authorization?.replace("Bearer ", "")) ? [200, { name: "Ada" }] : [401, {}];
    },
  };

  const { origin } = await startServer(t, async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    let body = "";
    for await (const chunk of request) body += chunk;
    const [status, json, headers] = routes[pathname](new URLSearchParams(body), searchParams, request.headers);
    party.asked[pathname] = (party.asked[pathname] ?? 0) + 1;
    if (party.silent === pathname) return;
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
  });
  const settings = path.join(await emptyDirectory(), "stagedoor.toml");
  const addresses = `authorize_url = "${origin}/authorize"\ntoken_url = "${origin}/token"\nrevoke_url = "${origin}/revoke"\napi = "${origin}/api"`;
  await writeFile(settings, `[[connect]]\nname = "acme"\nclient_id = "e2e"\nclient_secret = "canary-third-party-Zq8Lk2Vw7Rt5"\n${addresses}\n`);
  return Object.assign(party, { origin, settings: ["--config", settings] });
}
