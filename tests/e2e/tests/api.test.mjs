// Zoom's API through the gateway: a page calls it, an upstream calls it, another site's page cannot, and nobody but Zoom
// ever holds the token.

import assert from "node:assert/strict";
import { test } from "node:test";

import { addTheApp, openBrowser, picture, theApp, watch } from "../lib/browser.mjs";
import { install, launch } from "../lib/hops.mjs";
import { startApart, startDev } from "../lib/processes.mjs";
import { startServer } from "../lib/server.mjs";
import { eventually, sleep, until } from "../lib/waiting.mjs";

/** What every token of the emulator's begins with: `{"alg":"HS512"`. Sessions and assertions begin otherwise. */
const TOKEN = "eyJhbGciOiJIUzUxMiI";

const apiCalls = async (control) => (await control.get("requests")).filter(({ url }) => url.includes("/v2/users/me/meetings"));

test("the sample app shows the user's meetings, and the token stays between gateway and Zoom", async (t) => {
  const { dev, zoom, control } = await startDev(t, "--verbose");
  const page = await openBrowser(t);
  const received = watch(page.context());
  await addTheApp(page, zoom);
  await theApp(page).getByRole("button", { name: "Ask Zoom" }).click();
  await theApp(page).getByText("Design review").waitFor();
  await picture(page, "30-meetings");

  const [call] = await apiCalls(control);
  assert.equal(call.method, "GET");
  const names = call.headers.map(([name]) => name);
  for (const name of ["cookie", "origin", "referer", "x-forwarded-for", "x-stagedoor-assertion", "sec-fetch-site"]) {
    assert.ok(!names.includes(name), `${name} reached Zoom`);
  }
  const steps = await control.get("steps");
  assert.ok(steps.some(({ title, status }) => title === "List meetings" && status === "ok"));
  await until("the answers as the browser got them", async () => (await received()).includes("Design review"));
  assert.ok(!(await received()).includes(TOKEN), "a browser saw a token");
  await until("the line of the log", () => dev.output.includes("GET /v2/users/me/meetings"));
  assert.ok(!dev.output.includes(TOKEN), dev.output);
  assert.deepEqual(page.said.filter((line) => line.startsWith("exception")), []);
});

test("a page of the app calls what is allowed, by hand and by client.js, and is told what is not", async (t) => {
  const { zoom, control } = await startDev(t);
  const page = await openBrowser(t);
  await addTheApp(page, zoom);
  await theApp(page).getByRole("button", { name: "Ask Zoom" }).waitFor();
  const app = page.frames().find((frame) => frame !== page.mainFrame());
  const made = await app.evaluate(async () => {
    const { api } = await import("/zoom/client.js");
    const headers = { "content-type": "application/json" };
    const answer = await api("/v2/users/me/meetings", { method: "POST", headers, body: JSON.stringify({ topic: "Analysis" }) });
    return { http: answer.status, ...(await answer.json()) };
  });
  assert.deepEqual([made.http, made.topic], [201, "Analysis"]);
  const ask = (path, init) =>
    app.evaluate(async ([path, init]) => {
      const answer = await fetch(`/zoom/api${path}`, init);
      return { http: answer.status, ...(await answer.json()) };
    }, [path, init]);
  const uuid = encodeURIComponent(encodeURIComponent(made.uuid));
  assert.equal((await ask(`/v2/meetings/${uuid}`)).id, made.id);
  assert.equal((await ask("/v2/users/me")).id, (await control.get("state")).user);
  for (const [path, init] of [["/v2/users"], ["/v2/users/me", { method: "DELETE" }], ["/oauth/token", { method: "POST" }]]) {
    const { http: status, code, detail } = await ask(path, init);
    assert.deepEqual([status, code], [403, "api_not_allowed"], path);
    assert.match(detail, /app\.api_allow/);
  }
});

test("an upstream calls Zoom's API with the assertion that came with the request", async (t) => {
  const given = [];
  let gateway;
  const upstream = await startServer(t, async (request, response) => {
    if (request.url === "/profile") {
      const assertion = request.headers["x-stagedoor-assertion"];
      given.push(JSON.stringify(request.headers), assertion);
      const me = await fetch(`${gateway}/zoom/api/v2/users/me`, { headers: { "x-stagedoor-assertion": assertion } });
      return response.writeHead(me.status, { "content-type": "application/json" }).end(await me.text());
    }
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>App</title><p>The app.</p>");
  });
  const stage = await startDev(t, "--upstream", upstream.origin);
  gateway = stage.app;
  await install(stage);
  const browser = await launch(stage);
  const { status, json } = await browser.json(`${stage.app}/profile`);
  assert.deepEqual([status, json.id], [200, (await stage.control.get("state")).user]);

  const assertion = given.at(-1);
  for (const [headers, code] of [
    [{}, "session_required"],
    [{ authorization: `Bearer ${assertion}` }, "session_required"],
    [{ "x-stagedoor-assertion": `${assertion}x` }, "assertion_invalid"],
    [{ "x-stagedoor-assertion": assertion, origin: "https://evil.example" }, "cross_site"],
  ]) {
    const answer = await fetch(`${gateway}/zoom/api/v2/users/me`, { headers });
    assert.equal((await answer.json()).code, code);
  }
  assert.ok(!given.some((text) => text.includes(TOKEN)), "the upstream saw a token");
});

test("a page of another site calls nothing, whatever it tries", async (t) => {
  const { dev, zoom, app, control } = await startDev(t, "--verbose");
  const page = await openBrowser(t);
  await addTheApp(page, zoom);
  await theApp(page).getByRole("button", { name: "Ask Zoom" }).waitFor();
  // A session of this browser's own: the cookie is there when the other site's page sends its requests.
  const { context } = await control.post("context");
  await page.context().route(`${app}/`, (route) => route.continue({ headers: { ...route.request().headers(), "x-zoom-app-context": context } }));
  await page.goto(`${app}/`);
  const own = await page.evaluate(async () => (await fetch("/zoom/api/v2/users/me/meetings")).status);
  assert.equal(own, 200, "the session is there");
  const before = (await apiCalls(control)).length;

  const evil = await startServer(t, (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Prizes</title>"));
  const answers = () => dev.output.split("\n").filter((line) => line.includes('route="api"') && line.includes("status="));
  await until("the line of the page's own call", () => answers().length === 1);
  const hostile = await page.context().newPage();
  for (const origin of [evil.origin, evil.origin.replace("localhost", "127.0.0.1")]) {
    await hostile.goto(origin);
    const tried = await hostile.evaluate(async (at) => {
      const attempts = [
        { credentials: "include" },
        { credentials: "include", mode: "no-cors" },
        { credentials: "include", method: "POST", mode: "no-cors", body: "{}" },
        { credentials: "include", headers: { "x-stagedoor-assertion": "x" } },
        { credentials: "include", method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
      ];
      const read = async (init) => {
        try {
          return await (await fetch(at, init)).text();
        } catch {
          return "";
        }
      };
      const texts = await Promise.all(attempts.map(read));
      const image = new Image();
      await new Promise((resolve) => ((image.onerror = resolve), (image.onload = resolve), (image.src = at)));
      const script = document.createElement("script");
      await new Promise((resolve) => ((script.onerror = resolve), (script.onload = resolve), (script.src = at), document.body.append(script)));
      return texts;
    }, `${app}/zoom/api/v2/users/me/meetings`);
    assert.deepEqual(tried.filter((text) => text !== ""), [], "a page of another site read an answer");
    await hostile.evaluate((at) => {
      const form = Object.assign(document.createElement("form"), { method: "POST", action: at, enctype: "text/plain" });
      document.body.append(form);
      form.submit();
    }, `${app}/zoom/api/v2/users/me/meetings`);
    await hostile.waitForURL(`${app}/**`);
    await hostile.getByText("cross_site").first().waitFor();
    await hostile.goto(`${app}/zoom/api/v2/users/me/meetings`).catch(() => {});
  }
  // Each time five fetches, two of which stop at their question, an image, a script, a form and a visit.
  const refused = await eventually(() => {
    const lines = answers().slice(1);
    assert.equal(lines.length, 18, lines.join("\n"));
    return lines;
  });
  assert.deepEqual(refused.filter((line) => !/status=40[13]/.test(line)), []);
  assert.equal((await apiCalls(control)).length, before, "nothing of it reached Zoom");
});

test("a grant is refreshed for a call, a lost scope is named, and a grant that is over leads to where it begins anew", async (t) => {
  const rules = "app.api_allow=GET /v2/users/me,GET /v2/users/me/meetings";
  const stage = await startApart(t, { gatewayArgs: ["--set", rules] });
  const { app, control } = stage;
  // The gateway gives no token away that has less than ten seconds to live.
  await control.put("tokens", { access_seconds: 12 });
  await install(stage);
  await control.put("tokens", { access_seconds: 3600 });
  const browser = await launch(stage);
  const call = (path = "/v2/users/me") => browser.json(`${app}/zoom/api${path}`);
  const user = (await call()).json.id;
  assert.equal(user, (await control.get("state")).user);

  // Whoever is slow here makes the one refresh a little earlier.
  await sleep(2_500);
  const renewed = await Promise.all(Array.from({ length: 20 }, () => call()));
  assert.deepEqual(renewed.filter(({ status }) => status !== 200), []);
  assert.equal((await control.tokenCalls()).length, 2, "one code, one refresh");

  const scope = await call("/v2/users/me/meetings");
  assert.deepEqual([scope.status, scope.json.code], [403, "scope_missing"]);
  assert.match(scope.json.detail, /meeting:read:list_meetings/);
  assert.equal(scope.json.install, `${app}/zoom/install`);

  await control.put("faults", { me: "rate_limited" });
  const limited = await call();
  assert.deepEqual([limited.status, limited.headers.get("retry-after"), limited.json.code], [429, "1", 429]);
  await control.put("faults", { me: "server_error" });
  assert.deepEqual([(await call()).status, (await call()).json.code], [503, "zoom_unavailable"]);
  await control.put("faults", { me: null });
  assert.equal((await call()).status, 200, "nothing of that ended the grant");

  await control.post("uninstall", {});
  const over = await call();
  assert.deepEqual([over.status, over.json.code, over.json.install], [403, "needs_reauth", `${app}/zoom/install`]);
  const metrics = await stage.gateway.metrics();
  assert.match(metrics, /stagedoor_api_calls_total\{outcome="rate_limited"\} 1/);
  assert.ok(!metrics.includes(user));
});
