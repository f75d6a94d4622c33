// The whole path in Chromium, on the real programs: node ui/e2e/run.mjs. Pictures are left in artifacts/e2e/.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ask, programs, serve, stop, stopAll } from "./children.mjs";
import { Desk } from "./page.mjs";
import { STEPS } from "./steps.mjs";
import { watch } from "./watch.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** The whole run: a test that hangs is a test that failed. */
const RUN_MS = 240_000;
const CENTRAL_MS = 120_000;

const root = join(import.meta.dirname, "..", "..");
const pictures = join(root, "artifacts", "e2e");
const { central, omnictl } = programs(root);
const started = Date.now();
const seconds = (from) => ((Date.now() - from) / 1000).toFixed(1);

const folder = await mkdtemp(join(tmpdir(), "omni-e2e-"));
const env = { ...process.env, OMNI_PASSPHRASE: "correct horse battery staple" };
const world = { env, folder, laptopA: join(folder, "a"), laptopB: join(folder, "b"), centralData: join(folder, "central") };

world.startCentral = async (listen = "127.0.0.1:0", more = []) => {
  const args = ["serve", "--data", world.centralData, "--listen", listen, "--metrics", "127.0.0.1:0", ...more];
  const { child, said } = await serve(central, args, { env, log: join(folder, "central.log"), within: CENTRAL_MS });
  world.central = child;
  world.address = said.listening;
};
world.stopCentral = async () => assert.equal(await stop(world.central), 0, "central ends well on SIGTERM");
world.code = async (operator) => (await ask(central, ["enrol-code", "--data", world.centralData, "--operator", operator, "--role", "admin", "--json"], { env })).code;
world.ctl = (data, ...args) => ask(omnictl, ["--data", data, "--keys", "passphrase", ...args, "--json"], { env, within: 120_000 });
/** The second laptop: enrolled and filled beside what the first one does. */
world.startSecond = () => {
  world.second = (async () => {
    await world.ctl(world.laptopB, "enrol", "--central", world.address, "--code", await world.code("Second operator"), "--name", "laptop-b");
    await world.ctl(world.laptopB, "sync", "--until-idle", "--timeout", "120");
  })();
  world.second.catch(() => {});
};

// Told to stop: what runs here is ended first, by the step that then fails.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => void stopAll().then(() => browser?.close()));

let browser;
let desk;
let doing = "start central";
const timer = setTimeout(() => {
  console.error(`e2e: not done after ${seconds(started)} s, in “${doing}”`);
  void browser?.close();
}, RUN_MS);

try {
  await rm(pictures, { recursive: true, force: true });
  await mkdir(pictures, { recursive: true });
  await world.startCentral("127.0.0.1:0", ["--sample"]);
  console.log(`   ${doing}: ${seconds(started)} s`);
  const { said } = await serve(omnictl, ["--data", world.laptopA, "--keys", "passphrase", "ui", "--json"], { env, log: join(folder, "ui.log"), within: 30_000 });
  browser = await chromium.launch({ executablePath: process.env.OMNI_CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS, handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const found = await watch(page, new URL(said.url).origin);
  desk = new Desk(page, pictures);
  world.url = said.url;
  await page.goto(said.url);
  for (const [name, step] of Object.entries(STEPS)) {
    doing = name;
    const from = Date.now();
    await step(desk, world);
    assert.deepEqual(found, [], `while “${name}”`);
    console.log(`   ${name}: ${seconds(from)} s`);
  }
  console.log(`e2e: ${Object.keys(STEPS).length} steps passed in ${seconds(started)} s; pictures in ${pictures}`);
} catch (error) {
  await desk?.page.screenshot({ path: join(pictures, "failed.png") }).catch(() => {});
  console.error(`e2e: failed in “${doing}” after ${seconds(started)} s; the page is in ${join(pictures, "failed.png")}, logs in ${folder}`);
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
  await browser?.close().catch(() => {});
  await stopAll();
  if (!process.exitCode) await rm(folder, { recursive: true, force: true });
}
