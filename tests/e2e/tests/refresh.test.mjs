// Zoom's refresh tokens work once. Whatever happens at the same time, in however many processes: one call, no loss.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startCluster } from "../lib/cluster.mjs";
import { MAY_ASK_ZOOM, askZoom, install, launch } from "../lib/hops.mjs";
import { STORES } from "../lib/stores.mjs";
import { sleep } from "../lib/waiting.mjs";

/** A user whose access token has expired: the next call needs a refresh. */
async function expired(stage) {
  await stage.control.put("tokens", { access_seconds: 2 });
  await install(stage);
  const session = await launch(stage);
  await sleep(2_100);
  await stage.control.put("tokens", { access_seconds: 3600 });
  await stage.control.forgetRequests();
  return session;
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
