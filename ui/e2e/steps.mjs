// The steps of the path, in their order; each begins where the one before ended.
import assert from "node:assert/strict";

const BRANDS = 7_038;
const ROWS_MAX = 120;
const NOTE_ONLINE = "Renewal agreed with Ms Idris.";
const NOTE_OFFLINE = "Typed while central was away.";
const NOTE_REVISED = "Typed while central was away, then put right.";

/** Position of the brand that is edited. */
const EDITED = 3;

async function firstRun(desk, world) {
  await desk.id("screen-first-run").waitFor();
  await desk.picture("first-run");
  assert.ok(await desk.id("first-start").isDisabled(), "nothing to start without an address and a code");
  await desk.id("join-central").fill(world.address);
  await desk.id("join-code").fill(await world.code("Ada"));
  await desk.id("join-name").fill("laptop-a");
  await desk.id("first-start").click();
}

async function recoveryCode(desk) {
  await desk.id("recovery-code").waitFor({ timeout: 60_000 });
  desk.recovery = (await desk.id("recovery-code").textContent()).trim();
  assert.match(desk.recovery, /^[0-9A-Z]{4,}([- ][0-9A-Z]{4,})+$/i, "a code that can be written down");
  assert.ok(await desk.id("recovery-kept").isDisabled(), "not before it is kept");
  await desk.picture("recovery-code", ["dark"]);
  await desk.id("recovery-sure").check();
  await desk.id("recovery-kept").click();
  await desk.id("screen-home").waitFor();
  assert.equal(await desk.id("recovery-code").count(), 0);
  assert.ok(!(await desk.page.content()).includes(desk.recovery), "the code is shown once");
}

async function commandCenter(desk, world) {
  const figure = (collection) => desk.id(`count-${collection}`).locator(".figure");
  await desk.says(figure("brand"), /^7,038$/, 90_000);
  await desk.sync("in_sync", 60_000);
  world.startSecond();
  await desk.says(figure("sector"), /^29$/);
  const shown = await desk.page.locator("[data-testid^=count-]:not([data-testid=count-all]) .figure").allTextContents();
  const sum = shown.reduce((n, text) => n + Number(text.replaceAll(",", "")), 0);
  assert.ok(sum > 70_000, `all collections are counted: ${shown}`);
  assert.equal((await desk.id("count-all").textContent()).replaceAll(",", ""), String(sum), "the sum is the sum");
  assert.equal(await desk.id("sector-table").locator("tbody tr").count(), 29);
  await desk.says(desk.id("sector-table").locator("tfoot"), /29 sectors7,038/);
  await desk.picture("command-center");
}

/** Before the first edit there was no round trip and no payload: nothing stands in for them. */
async function monitorUnknown(desk) {
  await desk.go("monitor");
  for (const chart of ["latency", "throughput", "bytes", "queue"]) await desk.id(`chart-${chart}`).waitFor();
  for (const id of ["p50", "p99", "overhead"]) await desk.says(desk.id(`fig-${id}`), /^unknown$/);
  await desk.says(desk.id("fig-head"), /^\d+$/);
  await desk.says(desk.id("fig-accuracy"), /^unknown$|%$/);
  await desk.id("chart-latency-table").click();
  const cells = await desk.id("chart-latency").locator("td.num").allTextContents();
  assert.ok(cells.length > 0 && cells.every((c) => c === "unknown" || /^[\d,.]+$/.test(c)), `${cells}`);
  assert.ok(cells.includes("unknown"), "no round trip was measured in most of these seconds");
  await desk.id("chart-latency-table").click();
  await desk.picture("monitor-unknown", ["dark"]);
}

async function table(desk) {
  const { page } = desk;
  const rows = desk.id("brand-row");
  const total = (n) => desk.page.locator(`[data-testid=brand-table][data-total="${n}"]`).waitFor();
  await desk.go("brands");
  await total(BRANDS);
  await rows.first().waitFor();
  await desk.says(desk.id("table-count"), "7,038 brands");
  const window = await rows.count();
  assert.ok(window > 10 && window <= ROWS_MAX, `a window of rows is in the DOM: ${window}`);

  const order = new Intl.Collator("en");
  const names = () => desk.column("name");
  const full = (list) => list.length > 10 && list.every((n) => n !== "");
  const first = await desk.until("rows are filled", names, full);
  await desk.id("brand-table").focus();
  await page.keyboard.press("End");
  const last = await desk.until("the end is filled", names, (list) => full(list) && list.at(-1) !== first.at(-1));
  assert.ok((await rows.count()) <= ROWS_MAX, "still a window at the end");
  await page.keyboard.press("Home");
  await desk.until("back at the top", names, (list) => list[0] === first[0]);

  await desk.id("sort-name").click();
  await page.locator("[role=columnheader][aria-sort=descending] [data-testid=sort-name]").waitFor();
  await desk.until("the last name is first", names, (list) => list[0] === last.at(-1));
  const down = await names();
  assert.ok(order.compare(down[0], first[0]) > 0);
  await desk.id("sort-name").click();
  await desk.until("sorted as before", names, (list) => list[0] === first[0]);

  const word = first[EDITED].split(" ")[0];
  await desk.id("table-search").fill(word);
  await desk.until("found brands hold the word", async () => ({ n: Number(await desk.id("brand-table").getAttribute("data-total")), names: await names() }),
    ({ n, names: list }) => n > 0 && n < BRANDS && list.includes(first[EDITED]) && list.length > 0);
  await desk.id("table-search").fill("");
  await total(BRANDS);

  const sector = page.locator("[data-testid^=sector-][aria-pressed]").nth(5);
  const wanted = Number((await sector.locator(".n").textContent()).replace(/\D/g, ""));
  await sector.click();
  await total(wanted);
  await desk.says(desk.id("table-count"), `${wanted.toLocaleString("en-US")} brands`);
  await desk.until("rows of the sector", names, full);
  await desk.picture("brands-sector");
}

async function editOnline(desk, world) {
  const { page } = desk;
  const row = desk.id("brand-row").nth(EDITED);
  world.brand = await row.getAttribute("data-id");
  await row.locator("[role=gridcell]").first().click();
  await desk.id("record-pane").waitFor();
  await desk.state("record-state", "saved");
  // Central is held still: what was sent stays on its way until it goes on.
  world.central.kill("SIGSTOP");
  try {
    await desk.id("field-notes-edit").click();
    await desk.id("field-notes-input").fill(NOTE_ONLINE);
    await page.keyboard.press("Control+Enter");
    await desk.state("field-notes", "sending");
    await desk.state("record-state", "sending");
    await page.locator(`[data-testid=brand-row][data-id="${world.brand}"][data-state=sending]`).waitFor();
    await desk.picture("brand-sending", ["dark"]);
  } finally {
    world.central.kill("SIGCONT");
  }
  await desk.state("field-notes", "saved");
  await desk.state("record-state", "saved");
  await desk.says(desk.id("field-notes-edit"), NOTE_ONLINE);
  await desk.sync("in_sync");
  await desk.picture("brand-saved");
}

async function editOffline(desk, world) {
  const { page } = desk;
  await world.second;
  await world.stopCentral();
  await desk.state("banner", "central_unreachable", 30_000);
  await desk.sync("central_unreachable");
  await desk.id("field-notes-edit").click();
  await desk.id("field-notes-input").fill(NOTE_OFFLINE);
  await page.keyboard.press("Control+Enter");
  await desk.state("field-notes", "pending");
  await desk.state("record-state", "pending");
  await desk.says(desk.id("sync-waiting"), "1 waiting");
  await desk.picture("brand-offline");
}

async function queue(desk) {
  const { page } = desk;
  await desk.go("queue");
  await desk.id("queue-row").first().waitFor();
  await desk.says(desk.id("queue-count"), "1 change");
  await desk.says(desk.id("queue-row"), NOTE_OFFLINE);
  await desk.id("queue-row").first().locator("[role=gridcell]").first().click();
  await desk.state("queue-pane-state", "pending");
  const before = await desk.id("queue-pane").getAttribute("data-change");
  await desk.picture("queue");

  await desk.id("queue-edit").click();
  await desk.id("queue-edit-notes").fill(NOTE_REVISED);
  await desk.id("queue-save").click();
  await desk.says(desk.id("queue-pane").locator(".after"), NOTE_REVISED);
  assert.notEqual(await desk.id("queue-pane").getAttribute("data-change"), before, "an edited change gets a new id");

  await desk.id("queue-discard").click();
  await desk.id("queue-empty").waitFor();
  await desk.gone(desk.id("sync-waiting"));
  await desk.picture("queue-discarded", ["dark"]);
  await desk.id("notice").filter({ hasText: "Discarded" }).getByTestId("notice-undo").click();
  await desk.id("queue-row").first().waitFor();
  await desk.says(desk.id("queue-row"), NOTE_REVISED);
  await desk.says(desk.id("sync-waiting"), "1 waiting");
  await page.locator("[data-testid=queue-row][data-state=pending]").waitFor();
}

async function reconnect(desk, world) {
  await world.startCentral(new URL(world.address).host);
  // The next try may be seconds away by its backoff: the operator does not have to wait for it.
  const action = desk.id("banner-action");
  if (await action.isVisible()) await action.click().catch(() => {});
  await desk.id("queue-empty").waitFor({ timeout: 30_000 });
  await desk.sync("in_sync");
  await desk.gone(desk.id("banner"));
  await desk.gone(desk.id("sync-waiting"));
}

async function secondLaptop(desk, world) {
  await world.ctl(world.laptopB, "sync", "--until-idle", "--timeout", "60");
  const record = await world.ctl(world.laptopB, "get", "brand", world.brand);
  assert.ok(JSON.stringify(record).includes(JSON.stringify(NOTE_REVISED)), `the second laptop has the edit: ${JSON.stringify(record)}`);
}

async function verify(desk) {
  await desk.go("monitor");
  await desk.id("monitor-verify").click();
  await desk.page.locator("[data-testid=verify-report][data-equal=true]").waitFor();
  for (const id of ["cursor", "head", "p50", "p99"]) assert.match(await desk.id(`fig-${id}`).textContent(), /\d/, `${id} was measured by now`);
  assert.equal(await desk.id("fig-cursor").textContent(), await desk.id("fig-head").textContent());
  assert.ok((await desk.page.locator("[data-testid^=chart-] canvas").count()) > 0, "charts are drawn");
  await desk.picture("monitor");
}

async function palette(desk) {
  const { page } = desk;
  await desk.go("brands");
  await desk.id("sector-all").click();
  const [name] = await desk.until("names", async () => (await desk.column("name")).filter((n) => n.length > 10), (list) => list.length > 0);
  const typo = name.slice(0, 3) + name[4] + name[3] + name.slice(5);
  await page.keyboard.press("Control+k");
  await desk.id("palette").waitFor();
  await desk.id("palette-input").fill(typo);
  await desk.says(desk.id("palette-item"), name);
  await desk.picture("palette");
  await page.keyboard.press("Enter");
  await desk.id("record-pane").waitFor();
  await desk.says(desk.id("record-pane").locator("h2"), name);
  await desk.id("pane-close").click();
}

async function themes(desk) {
  const { page } = desk;
  const ground = () => page.evaluate(() => getComputedStyle(document.querySelector("main")).backgroundColor);
  await desk.go("settings");
  await desk.id("theme-dark").check();
  const dark = await ground();
  await desk.id("theme-light").check();
  await desk.until("light is another ground than dark", ground, (now) => now !== dark);
  await desk.id("theme-dark").check();
  await desk.until("dark again", ground, (now) => now === dark);
  await desk.id("theme-system").check();
  await desk.picture("settings");
  await desk.go("home");
}

async function keyboardOnly(desk) {
  const { page } = desk;
  const focused = () => page.evaluate(() => document.activeElement?.closest("[data-testid]")?.getAttribute("data-testid") ?? "");
  const isAt = (testid) => desk.until(`focus on ${testid}`, focused, (now) => now === testid);
  await page.keyboard.press("g");
  await page.keyboard.press("b");
  await desk.id("screen-brands").waitFor();
  await desk.id("brand-row").first().waitFor();
  await page.keyboard.press("/");
  await isAt("table-search");
  await page.keyboard.press("Enter");
  await isAt("brand-table");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
  const cursor = page.locator("[data-testid=brand-row] .cursor");
  const field = await cursor.getAttribute("data-column");
  const name = await desk.id("brand-row").filter({ has: page.locator(".cursor") }).locator("[data-column=name]").getAttribute("title");
  await page.keyboard.press("Enter");
  await desk.says(desk.id("record-pane").locator("h2"), name);
  await isAt(`field-${field}-edit`);
  await page.keyboard.press("Enter");
  await desk.page.locator(`[data-testid="field-${field}-options"], [data-testid="field-${field}-input"]`).first().waitFor();
  await desk.picture("keyboard-edit", ["dark"]);
  await page.keyboard.press("Escape");
  await isAt(`field-${field}-edit`);
  await desk.state("record-state", "saved");
  await page.keyboard.press("Escape");
  await desk.gone(desk.id("record-pane"));
  await isAt("brand-table");
}

/** Two laptops change a field that is never merged; the first one settles it by keyboard alone, and it is gone on both. */
async function conflict(desk, world) {
  const { page } = desk;
  const open = async () => (await world.ctl(world.laptopB, "status")).conflicts;
  await page.keyboard.press("Control+k");
  await desk.id("palette-input").fill("Pause synchronising");
  await page.keyboard.press("Enter");
  await desk.sync("paused");
  await page.goto(`${new URL(world.url).origin}/#/brands?id=${world.brand}`);
  await desk.id("field-revenue-edit").click();
  await desk.id("field-revenue-input").fill("1350000");
  await page.keyboard.press("Enter");
  await desk.state("field-revenue", "pending");
  await world.ctl(world.laptopB, "set", "brand", world.brand, "revenue:=1280000");
  await world.ctl(world.laptopB, "sync", "--until-idle", "--timeout", "60");
  await page.keyboard.press("Control+k");
  await desk.id("palette-input").fill("Resume synchronising");
  await page.keyboard.press("Enter");
  await desk.state("field-revenue", "conflict", 30_000);
  await desk.sync("needs_attention");
  await desk.until("the title counts it", () => page.title(), (title) => title.startsWith("(1)"));
  await desk.picture("conflict-field", ["dark"]);
  await world.ctl(world.laptopB, "sync", "--until-idle", "--timeout", "60");
  assert.equal(await open(), 1, "the item is on the second laptop too");

  await desk.id("nav-conflicts").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await desk.says(desk.id("conflict-pane").locator("h2"), /./);
  await desk.says(desk.id("side-mine"), "1,350,000.00");
  await desk.says(desk.id("side-theirs"), "1,280,000.00");
  await desk.says(desk.id("head-mine"), /Your edit.*this laptop/);
  await desk.says(desk.id("head-theirs"), /Second operator/);
  await page.keyboard.press("1");
  await desk.says(desk.id("result"), "1,350,000.00");
  await desk.picture("conflict");
  await page.keyboard.press("Control+Enter");
  await desk.id("conflicts-empty").waitFor({ timeout: 30_000 });
  await desk.sync("in_sync");
  await desk.until("the title counts nothing", () => page.title(), (title) => !title.startsWith("("));
  await desk.id("conflicts-person").click();
  await desk.says(desk.id("conflict-settled"), /Settled by Ada.*1,350,000.00/);
  await desk.picture("conflict-settled", ["dark"]);

  await world.ctl(world.laptopB, "sync", "--until-idle", "--timeout", "60");
  assert.equal(await open(), 0, "gone on the second laptop");
  assert.match(JSON.stringify(await world.ctl(world.laptopB, "get", "brand", world.brand)), /1350000/, "the choice holds there");
  await desk.go("brands");
}

/** An edit is taken back and done again by keys; its history says both; the record is shown as it was, and rolled back. */
async function history(desk, world) {
  const { page } = desk;
  const value = (text) => desk.says(desk.id("field-employees-edit"), text);
  await page.goto(`${new URL(world.url).origin}/#/brands?id=${world.brand}`);
  await desk.state("record-state", "saved");
  const before = await desk.id("field-employees-edit").textContent();
  await desk.id("field-employees-edit").click();
  await desk.id("field-employees-input").fill("41907");
  await page.keyboard.press("Enter");
  await value("41,907");
  await desk.state("field-employees", "saved");
  await page.keyboard.press("Control+z");
  await desk.says(desk.id("notice"), /Took back/);
  await value(before);
  await desk.state("field-employees", "saved");
  await page.keyboard.press("Control+Shift+z");
  await value("41,907");
  await desk.state("field-employees", "saved");

  await desk.id("pane-history").click();
  const entry = desk.id("history-entry").filter({ hasText: "41,907" });
  await desk.until("the edit, its undo and its redo", () => entry.count(), (n) => n >= 3);
  await desk.says(desk.id("history-entry"), /Ada on laptop-a/);
  await desk.picture("history", ["dark"]);
  await desk.id("history-entry").first().getByTestId("history-undo").click();
  await desk.says(desk.id("rollback-line"), "41,907");
  await desk.picture("history-undo", ["dark"]);
  await desk.id("rollback-apply").click();
  await desk.gone(desk.id("rollback-dialog"));
  await desk.id("history-asof").click();
  await desk.id("as-of-at").fill(await desk.page.evaluate(() => new Date(Date.now() - 86_400_000).toISOString()));
  await desk.id("as-of-show").click();
  await desk.page.locator("[data-testid=as-of-label], [data-testid=error-note]").first().waitFor();
  await desk.picture("as-of", ["dark"]);
  await desk.id("pane-fields").click();
  await value(before);
  await desk.state("record-state", "saved");
  await desk.go("brands");
}

async function reload(desk) {
  await desk.page.reload();
  await desk.id("screen-brands").waitFor();
  await desk.sync("in_sync");
  assert.equal(await desk.id("recovery-code").count(), 0);
}

/** The address opened one browser: whoever reads it afterwards gets no data with it. */
async function anotherBrowser(desk, world) {
  const context = await desk.page.context().browser().newContext();
  try {
    const page = await context.newPage();
    const refused = page.waitForResponse((r) => r.request().method() === "POST");
    await page.goto(world.url);
    assert.equal((await refused).status(), 401);
    await page.getByText("no longer valid").first().waitFor();
    assert.equal(await page.getByTestId("screen-home").count(), 0);
    await page.screenshot({ path: `${desk.pictures}/another-browser.png` });
  } finally {
    await context.close();
  }
}

export const STEPS = {
  "first run: join by address and code": firstRun,
  "recovery code, once": recoveryCode,
  "Command Center counts": commandCenter,
  "monitor: unknown is unknown": monitorUnknown,
  "Sectors & Brands: window, sort, search, sector": table,
  "edit online: sending, saved": editOnline,
  "central stopped: edit is pending": editOffline,
  "queue: edit, discard, undo": queue,
  "central again: queue empties": reconnect,
  "second laptop sees the edit": secondLaptop,
  "monitor: verified and measured": verify,
  "palette forgives a typing error": palette,
  "dark and light": themes,
  "keyboard only": keyboardOnly,
  "a conflict of two laptops, settled by keyboard": conflict,
  "undo, redo, history, the past": history,
  "reload": reload,
  "another browser is refused": anotherBrowser,
};
