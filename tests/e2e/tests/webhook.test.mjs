// Webhooks between real processes that are killed: nothing that was acknowledged is lost, and nothing overtakes.
//
// STAGEDOOR_KILLS says how often (12 by default, 200 for the figure in docs/webhooks.md), STAGEDOOR_INBOX how many events
// wait in the test of memory (3,000 by default, 100,000 for the figure).

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { STORES } from "../lib/stores.mjs";
import { eventually, sleep, until } from "../lib/waiting.mjs";
import { deliver, event, startForwarding } from "../lib/webhooks.mjs";

const KILLS = Number(process.env.STAGEDOOR_KILLS ?? 12);
const INBOX = Number(process.env.STAGEDOOR_INBOX ?? 3_000);

// Beside each other: most of the time they wait for processes to start.
describe("webhooks between processes that die", { concurrency: true }, () => {
  for (const [name, start] of Object.entries(STORES)) {
    test(`on ${name}, over ${KILLS} deaths of gateways and the upstream, no acknowledged event is lost and none overtakes`, async (t) => {
      await die(t, (await start(t)).url);
    });
  }
});

for (const [name, start] of Object.entries(STORES)) {
  test(`on ${name}, of 1,000 parallel replays at three gateways one arrives`, async (t) => {
    await replay(t, (await start(t)).url);
  });
}

async function die(t, storeUrl) {
  const { gateways, upstream } = await startForwarding(t, { gateways: 3, storeUrl });
  const origins = gateways.map(({ origin }) => origin);
  const sent = new Map(["1", "2", "3", "4", "5", "6"].map((meeting) => [meeting, 0]));
  let over = false;
  const zoom = [...sent.keys()].map(async (meeting, index) => {
    while (!over) {
      const number = sent.get(meeting);
      await deliver([origins[(number + index) % 3], ...origins], event(meeting, number));
      sent.set(meeting, number + 1);
      await sleep(20);
    }
  });
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(50 + Math.random() * 250);
    const victim = kill % 4 === 3 ? upstream : gateways[kill % 3];
    await victim.kill();
    await victim.start();
  }
  over = true;
  await Promise.all(zoom);
  const count = [...sent.values()].reduce((sum, events) => sum + events, 0);
  const arrivedAll = async () => {
    const heard = await upstream.heard();
    return [...heard.values()].reduce((sum, numbers) => sum + numbers.length, 0) >= count;
  };
  await until("every acknowledged event has arrived", arrivedAll, { within: 300_000, every: 100 });
  const heard = await upstream.heard();
  for (const [meeting, events] of sent) {
    assert.deepEqual(heard.get(meeting), Array.from({ length: events }, (_, number) => number), `meeting ${meeting}`);
  }
  const arrived = (await upstream.arrived()).length;
  t.diagnostic(`${count} events acknowledged, ${KILLS} deaths, 0 lost, 0 overtaken, ${arrived - count} delivered again`);
}

async function replay(t, storeUrl) {
  const { gateways, upstream } = await startForwarding(t, { gateways: 3, storeUrl });
  const origins = gateways.map(({ origin }) => origin);
  const body = JSON.stringify(event("1", 0));
  // Whatever is not taken in time is sent again, as Zoom does it.
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => deliver(origins[index % 3], body)));
  // What comes later in the same meeting arrives later: once it is there, nothing of the first event is on its way.
  await deliver(origins, event("1", 1));
  const numbers = async () => (await upstream.arrived()).map(([, , number]) => Number(number));
  await until("the later event", async () => (await numbers()).includes(1), { within: 300_000 });
  assert.deepEqual(await numbers(), [0, 1]);
}

test(`memory does not grow with the inbox: ${INBOX} events for an upstream that is away`, async (t) => {
  const { gateways, upstream } = await startForwarding(t);
  const [gateway] = gateways;
  await upstream.kill();
  const warm = Math.min(1_000, INBOX / 3);
  const fill = async (from, to) => {
    let next = from;
    let slowest = 0;
    const sender = async () => {
      while (next < to) {
        const number = next++;
        const body = event(String(number % 5_000), number, { topic: "x".repeat(500) });
        const begun = performance.now();
        await deliver(gateway.origin, body);
        slowest = Math.max(slowest, performance.now() - begun);
      }
    };
    await Promise.all(Array.from({ length: 32 }, sender));
    return slowest;
  };
  await fill(0, warm);
  const before = await gateway.memory();
  const begun = performance.now();
  const slowest = await fill(warm, INBOX);
  const seconds = (performance.now() - begun) / 1000;
  // What the requests took is given back when they are over, and not all at once.
  const after = await eventually(async () => {
    const now = await gateway.memory();
    assert.ok(now - before < 30, `${before} MiB grew to ${now} MiB`);
    return now;
  });
  t.diagnostic(
    `${warm} events: ${before} MiB; ${INBOX} events: ${after} MiB; ${Math.round((INBOX - warm) / seconds)} events/s taken, the slowest after ${Math.round(slowest)} ms`,
  );
  await upstream.start();
  await until("the inbox is empty", async () => (await upstream.arrived()).length >= INBOX, { within: 900_000, every: 100 });
  t.diagnostic(`drained: ${await gateway.memory()} MiB`);
});
