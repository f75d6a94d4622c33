// Development only: pictures of every screen and state. node dev/shots.mjs OUT [PART…] [--dark] [--light] [--small] [--big]
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { STATES } from "./status.mjs";

const given = process.argv.slice(2);
const flags = given.filter((a) => a.startsWith("--"));
const [out = "/tmp/shots", ...parts] = given.filter((a) => !a.startsWith("--"));
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
const SMALL = { width: 1280, height: 800 };
const BIG = { width: 1920, height: 1080 };
const errors = new Set();
let port = 4300;

async function withServer(mode, scheme, viewport, work) {
  const p = String(port++);
  const server = spawn(process.execPath, [join(import.meta.dirname, "server.mjs"), p, mode], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((r) => server.stdout.once("data", r));
  const context = await browser.newContext({ viewport, colorScheme: scheme });
  const page = await context.newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && errors.add(`${mode}: ${m.text()}`));
  page.on("pageerror", (e) => errors.add(`${mode}: pageerror ${e.message}`));
  const tag = `${scheme}-${viewport.width}`;
  const tools = {
    page,
    id: (testid) => page.getByTestId(testid),
    go: async (hash) => { await page.evaluate((h) => { location.hash = h; }, hash); await page.waitForTimeout(250); },
    shot: async (name) => { await page.waitForTimeout(350); await page.screenshot({ path: join(out, `${name}-${tag}.png`) }); },
  };
  try {
    await page.goto(`http://127.0.0.1:${p}/#token=dev`);
    await work(tools);
  } finally {
    await context.close();
    server.kill();
  }
}

const PARTS = {
  home: ["ready", async ({ id, shot }) => { await id("screen-home").waitFor(); await id("sector-table").waitFor(); await shot("home"); }],
  brands: ["ready", async ({ page, id, go, shot }) => {
    await go("/brands"); await id("brand-row").first().waitFor(); await shot("brands");
    await go("/brands?sector=banking&sort=-employees"); await id("brand-row").nth(4).locator("[role=gridcell]").first().click(); await shot("brands-pane");
    await id("field-status-edit").click(); await shot("edit-status"); await page.keyboard.press("Escape");
    await id("field-employees-edit").click(); await id("field-employees-input").fill("many"); await page.keyboard.press("Enter"); await shot("edit-error"); await page.keyboard.press("Escape");
    await id("field-sector-edit").click(); await page.keyboard.type("Log"); await shot("edit-ref"); await page.keyboard.press("Escape");
    await id("field-notes-edit").click(); await page.keyboard.type("Call Ms Idris about the renewal."); await shot("edit-notes"); await page.keyboard.press("Control+Enter"); await shot("edit-pending");
    await go("/brands?q=halo&f.status=Growing"); await id("filter-type").click(); await shot("brands-filter"); await page.keyboard.press("Escape");
    await go("/brands?q=zzzz"); await shot("brands-none");
    await go("/brands?sector=agriculture&pane=sector"); await shot("brands-sector");
  }],
  states: ["ready", async ({ page, id, go, shot }) => {
    await go("/brands?sort=-revenue&q=a"); await id("brand-table").focus(); await page.keyboard.press("ArrowDown"); await page.keyboard.press("ArrowRight"); await shot("grid-cursor");
    await page.keyboard.press("Enter"); await shot("grid-enter");
    await go("/records?c=payroll_sector"); await id("record-row").first().locator("[role=gridcell]").first().click(); await id("field-sectors-edit").click(); await shot("edit-refset"); await page.keyboard.press("Escape");
    await go("/records?c=clause"); await shot("records");
    await go("/records?c=scroll"); await id("record-row").nth(2).locator("[role=gridcell]").first().click(); await shot("records-pane");
  }],
  queue: ["ready", async ({ page, id, go, shot }) => {
    await go("/queue"); await id("queue-row").first().waitFor(); await shot("queue");
    await id("queue-row").nth(2).locator("[role=gridcell]").first().click(); await shot("queue-pane");
    await id("queue-row").nth(3).locator("[role=gridcell]").first().click(); await id("queue-edit").click(); await shot("queue-edit"); await page.keyboard.press("Escape");
    await id("queue-discard").click(); await shot("queue-discarded"); await id("notice-undo").click(); await shot("queue-restored");
    await go("/queue?state=discarded"); await shot("queue-none");
  }],
  monitor: ["ready", async ({ id, go, shot }) => { await go("/monitor"); await id("chart-queue").waitFor(); await id("monitor-verify").click(); await shot("monitor"); await id("chart-latency-table").click(); await shot("monitor-table"); }],
  conflicts: ["ready", async ({ page, id, go, shot }) => {
    const open = async (name) => { await id("conflict-row").filter({ hasText: name }).first().click(); };
    await go("/conflicts"); await id("conflict-row").first().waitFor(); await shot("conflicts");
    await page.keyboard.press("1"); await shot("conflict-picked");
    await id("conflict-row").filter({ hasText: "Notes" }).first().click(); await page.keyboard.press("4"); await shot("conflict-text");
    await page.keyboard.press("e"); await shot("conflict-edit"); await page.keyboard.press("Escape");
    await id("conflict-row").filter({ hasText: "Fee" }).first().click(); await shot("conflict-group");
    await open("Incorporated"); await page.keyboard.press("1"); await shot("conflict-long");
    await id("conflict-row").filter({ hasText: "Markets" }).first().click(); await page.keyboard.press("4"); await shot("conflict-set");
    await id("conflict-row").filter({ hasText: "Delete against edit" }).first().click(); await page.keyboard.press("2"); await shot("conflict-delete");
    await id("conflict-row").filter({ hasText: "Whole command" }).first().click(); await shot("conflict-change");
    await page.keyboard.press("Control+Enter");
    await id("conflict-row").filter({ hasText: "Employees" }).first().click(); await id("conflict-table").focus();
    for (let i = 0; i < 9; i += 1) await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("2"); await shot("conflict-bulk"); await page.keyboard.press("Control+Enter"); await shot("conflict-bulk-failed");
    await page.keyboard.press("Escape"); await id("conflicts-attention").click(); await shot("conflict-attention");
    await id("conflicts-auto").click(); await shot("conflict-auto"); await id("conflicts-person").click(); await shot("conflict-person");
  }],
  history: ["ready", async ({ page, id, go, shot }) => {
    await go("/brands?sector=banking"); await id("brand-row").nth(2).locator("[role=gridcell]").first().click(); await id("pane-history").click(); await id("history-entry").first().waitFor(); await shot("history");
    await id("history-undo").nth(3).click(); await id("rollback-lines").waitFor(); await shot("history-undo"); await page.keyboard.press("Escape");
    await id("history-rollback").nth(6).click(); await id("rollback-lines").waitFor(); await shot("history-rollback"); await page.keyboard.press("Escape");
    await id("history-asof").click(); await id("as-of-show").click(); await id("as-of-label").waitFor(); await shot("as-of");
    await go("/home"); await id("recent-device").click(); await shot("device"); await id("rollback-device").fill("field-7"); await id("rollback-preview").click(); await id("rollback-lines").waitFor(); await shot("device-preview"); await id("rollback-apply").click(); await shot("device-done");
    await page.keyboard.press("Control+z"); await shot("undone");
  }],
  plain: ["plain", async ({ id, go, shot }) => { await go("/monitor"); await id("chart-queue").waitFor(); await shot("monitor-unknown"); await go("/conflicts"); await shot("conflicts-none"); }],
  over: ["ready", async ({ page, id, go, shot }) => {
    await go("/settings"); await shot("settings");
    await page.keyboard.press("Control+k"); await shot("palette-empty"); await id("palette-input").fill("verdant"); await shot("palette"); await page.keyboard.press("Escape");
    await go("/brands"); await id("sync-pill").click(); await shot("pill"); await page.keyboard.press("Escape");
    await id("columns").click(); await shot("columns"); await page.keyboard.press("Escape");
    await page.keyboard.press("?"); await shot("keys");
  }],
  first: ["first_run", async ({ id, shot }) => {
    await id("screen-first-run").waitFor(); await shot("first");
    await id("way-local").click(); await shot("first-local"); await id("way-join").click();
    await id("join-central").fill("http://127.0.0.1:7420"); await id("join-code").fill("4F2K-99QX"); await id("join-name").fill("ada-laptop"); await id("first-start").click();
    await id("passphrase-ask").waitFor(); await id("join-passphrase").fill("correct horse staple"); await id("join-passphrase-again").fill("correct horse staplf"); await shot("first-passphrase");
    await id("join-passphrase-again").fill("correct horse staple"); await id("first-start").click(); await shot("first-progress");
    await id("recovery-code").waitFor(); await shot("recovery"); await id("recovery-sure").check(); await id("recovery-kept").click(); await id("screen-home").waitFor();
  }],
  locked: ["locked", async ({ id, shot }) => { await id("unlock-passphrase").fill("nope"); await id("unlock").click(); await shot("locked"); await id("unlock-switch").click(); await shot("locked-code"); }],
  empty: ["empty", async ({ id, go, shot }) => { await id("screen-home").waitFor(); await shot("empty-home"); await go("/brands"); await shot("empty-brands"); await go("/queue"); await shot("empty-queue"); }],
  many: ["queue", async ({ page, id, go, shot }) => { await go("/queue"); await id("queue-row").first().locator("[role=gridcell]").first().click(); await shot("queue10k"); await id("queue-table").focus(); await page.keyboard.press("End"); await shot("queue10k-end"); }],
  error: ["error", async ({ page, go, shot }) => { await page.waitForTimeout(300); await shot("error-home"); await go("/brands"); await shot("error-brands"); await go("/conflicts"); await shot("error-conflicts"); }],
};
for (const state of STATES) PARTS[`state-${state}`] = [state, async ({ id, shot }) => { await id("screen-home").waitFor(); await shot(`state-${state}`); }];

const schemes = flags.includes("--dark") ? ["dark"] : flags.includes("--light") ? ["light"] : ["dark", "light"];
const sizes = flags.includes("--small") ? [SMALL] : flags.includes("--big") ? [BIG] : [SMALL, BIG];
for (const scheme of schemes) {
  for (const viewport of sizes) {
    for (const [name, [mode, work]] of Object.entries(PARTS)) {
      if (parts.length > 0 && !parts.some((p) => name.startsWith(p))) continue;
      await withServer(mode, scheme, viewport, work).catch((e) => errors.add(`${name}: ${e.message}`));
    }
  }
}
await browser.close();
console.log([...errors].join("\n") || "no console errors");
