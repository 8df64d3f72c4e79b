// Zoom's refresh tokens work once. Whatever happens at the same time, in however many processes: one call, no loss.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { MAY_ASK_ZOOM, askZoom, install, launch } from "../lib/hops.mjs";
import { STORES } from "../lib/stores.mjs";

/**
 * A user whose access token is about to expire, which is not handed out any more: the next call needs a refresh. From
 * then on tokens live an hour. Refreshes ahead of expiry begin after half of the ten seconds, when that call is long over;
 * and if not, theirs is the only one.
 */
async function expired(stage) {
  await stage.control.put("tokens", { access_seconds: 10 });
  await install(stage);
  await stage.control.put("tokens", { access_seconds: 3600 });
  return launch(stage);
}

for (const [name, start] of Object.entries(STORES)) {
  describe(`an expired grant on ${name}`, () => {
    test("20 callers at each of 3 gateways: one call of the token endpoint, nobody fails", async (t) => {
      const stage = await startCluster(t, { storeUrl: (await start(t)).url, gatewayArgs: MAY_ASK_ZOOM });
      const session = await expired(stage);
      const calls = stage.gateways.flatMap(({ origin }) =>
        Array.from({ length: 20 }, () => askZoom(session, origin)),
      );
      const answers = await Promise.all(calls);
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      assert.equal((await stage.control.tokenCalls("refresh_token")).length, 1);
    });
  });
}
