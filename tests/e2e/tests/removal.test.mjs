// A user removes the app in the Marketplace: Zoom says so once, to one gateway, and no gateway knows the user any more.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { MAY_ASK_ZOOM, askZoom, install, launch } from "../lib/hops.mjs";
import { STORES } from "../lib/stores.mjs";
import { until } from "../lib/waiting.mjs";

// All at the same time: what takes long is that a gateway looks every ten seconds for what the others were told.
describe("a removal", { concurrency: true }, () => {
  for (const [name, start] of Object.entries(STORES)) {
    test(`who removes the app is forgotten by every gateway on ${name}, with evidence, and may come back`, async (t) => {
      const stage = await startCluster(t, { gateways: 2, storeUrl: (await start(t)).url, gatewayArgs: MAY_ASK_ZOOM });
      const { app, control, gateways } = stage;
      await install(stage);
      const session = await launch(stage);
      const statuses = async (ask) => (await Promise.all(gateways.map(({ origin }) => ask(origin)))).map(({ status }) => status);
      const asked = () => statuses((origin) => askZoom(session, origin));
      assert.deepEqual(await asked(), [200, 200], "both gateways know the user");

      await control.post("uninstall", {});
      const sessions = () => statuses((origin) => session.json(`${origin}/zoom/session`));
      const ended = async () => (await sessions()).every((status) => status === 401);
      await until("the sessions end", ended, { every: 250 });
      assert.deepEqual(await asked(), [401, 401]);
      const evidence = () => gateways.filter(({ output }) => output.includes("\"target\":\"audit\"")).length;
      await until("the evidence", () => evidence() > 0);
      assert.equal(evidence(), 1, "one gateway was told, and wrote it down");

      const stranger = await launch(stage, { guest: true });
      assert.equal((await stranger.json(`${app}/zoom/session`)).json.installed, false);
      await install(stage);
      const again = await launch(stage);
      for (const { origin } of gateways) {
        assert.equal((await again.json(`${origin}/zoom/session`)).json.installed, true, "coming back works");
      }
    });
  }
});
