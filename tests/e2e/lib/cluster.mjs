// Several gateways on one store, behind a balancer that sends each connection to the next of them.

import { once } from "node:events";
import net from "node:net";

import { Control, Process, SAMPLE, ZOOM_APP, addresses, emptyDirectory, freePorts, startGateways } from "./processes.mjs";

/**
 * Starts the emulator, `gateways` gateways on the store `storeUrl` with the arguments `gatewayArgs`, and a balancer
 * before them, which is the public URL. Every test that can lose a gateway talks to the balancer, or to one gateway at
 * `gateway.origin`.
 */
export async function startCluster(t, { gateways: count = 3, storeUrl = "sqlite:stagedoor.db", gatewayArgs = [], env = {} }) {
  const cwd = await emptyDirectory();
  const [zoomPort, balancerPort, first] = await freePorts(6, 1, 2 * count);
  const origins = addresses(balancerPort, zoomPort);
  const { app, zoom } = origins;
  const ids = { ...ZOOM_APP, ZOOM_WEBHOOK_SECRET_TOKEN: "qgg8vlvZRS6UYooatFL8Aw" };
  const urls = ["--redirect-url", `${app}/zoom/callback`, "--home-url", `${app}/`, "--webhook-url", `${app}/zoom/webhook`];
  const emulator = new Process(["emulator", "--port", String(zoomPort), ...urls], { cwd, env: ids, readyUrls: [zoom] });
  t.after(() => emulator.kill());
  await emulator.start();

  const own = { ...ids, PUBLIC_URL: app, ZOOM_HOST: zoom, DATABASE_URL: storeUrl, APP_ROOT: SAMPLE, ...env };
  const gateways = await startGateways(t, { count, first, cwd, args: gatewayArgs, env: own });
  const balancer = await balance(balancerPort, gateways.map(({ port }) => port));
  t.after(() => balancer.close());
  return { ...origins, emulator, gateways, cwd, control: new Control(origins.controlPort) };
}

/** Connection by connection, round robin; a gateway that does not answer is passed over, as balancers do. */
async function balance(port, targets) {
  let next = 0;
  const open = new Set();
  const server = net.createServer((client) => {
    open.add(client);
    client.on("close", () => open.delete(client));
    client.on("error", () => {});
    const first = next++;
    const attempt = (number) => {
      if (number === targets.length) return client.destroy();
      const target = net.connect(targets[(first + number) % targets.length], "127.0.0.1");
      target.once("error", () => attempt(number + 1));
      target.once("connect", () => {
        target.removeAllListeners("error");
        // What it has sent before reaches the client first, however slowly that reads.
        target.on("error", () => client.destroySoon());
        target.on("close", () => client.destroySoon());
        client.on("close", () => target.destroy());
        client.pipe(target).pipe(client);
      });
    };
    attempt(0);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    close() {
      for (const client of open) client.destroy();
      server.close();
    },
  };
}
