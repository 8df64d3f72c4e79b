// A certified OpenID provider that we did not write, npm `oidc-provider`: S256 only, rotation on, `iss` in responses.

import { once } from "node:events";
import http from "node:http";

import Provider from "oidc-provider";

export const CLIENT = { id: "e2e-client", secret: "canary+provider%secret-Zq8Lk2Vw7Rt5" };

/**
 * Starts it for one client; `redirect` is the one redirect URL. The first access token of a grant lives for the first of
 * `accessSeconds`, those of refreshes for the second. What it was asked is in `seen`.
 */
export async function startProvider(t, { port, redirect, accessSeconds: [first, later] }) {
  const issuer = `http://localhost:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirect],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    pkce: { required: () => true },
    rotateRefreshToken: () => true,
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], email: ["email"] },
    scopes: ["openid", "email", "offline_access"],
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@op.example` }) }),
    features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
    ttl: { AccessToken: ({ oidc }) => (oidc.params.grant_type === "refresh_token" ? later : first), RefreshToken: 3600, IdToken: 600, Grant: 3600, Session: 3600, Interaction: 600 },
    cookies: { keys: ["a key for the cookies of a test"] },
    renderError: (context, out) => (context.body = JSON.stringify(out)),
  });
  const seen = { tokens: [], refreshed: 0, revoked: 0, errors: [] };
  provider.on("refresh_token.consumed", () => (seen.refreshed += 1));
  provider.on("grant.success", ({ body }) => seen.tokens.push(body.access_token, body.refresh_token, body.id_token));
  provider.on("grant.error", (_, error) => seen.errors.push(error.message));
  provider.on("grant.revoked", () => (seen.revoked += 1));
  const server = http.createServer(provider.callback()).listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return { issuer, seen };
}

/** Signs in and consents on its pages, in the browser of `page`. */
export async function signIn(page, name) {
  await page.locator('input[name="login"]').fill(name);
  await page.locator('input[name="password"]').fill("whatever");
  await page.locator('button[type="submit"]').click();
  await page.getByRole("button", { name: "Continue" }).click();
}
