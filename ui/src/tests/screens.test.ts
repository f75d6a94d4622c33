import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import App from "../App.svelte";
import { COMMANDS, matchCommands } from "../lib/commands";
import type { AppInfo, QueueRow } from "../lib/generated/rpc";
import { app } from "../lib/state/app.svelte";
import { notices } from "../lib/state/notices.svelte";
import { panels } from "../lib/state/panels.svelte";
import { parseRoute, formatRoute, router } from "../lib/state/route.svelte";
import { sync } from "../lib/state/sync.svelte";
import { BRAND, record, refusal, row, scripted, status, useModel, type Scripted } from "./scripted";

vi.hoisted(() => {
  // jsdom has no media queries; the chart library asks for one when it is loaded.
  window.matchMedia = (media) => Object.assign(new EventTarget(), { media, matches: false, onchange: null, addListener: () => undefined, removeListener: () => undefined }) as MediaQueryList;
});

const INFO: AppInfo = {
  version: "0.1.0", phase: "ready", reason: "", keys: "os", data_dir: "/data", operator: "Ada Okafor", device: "ada-laptop", local_central: false,
};
let phase: string;
let queue: QueueRow[];
let host: Scripted;

function change(n: number, state = "pending"): QueueRow {
  return {
    change: `c${n}`, state, priority: 2, collection: "brand", record: `id-${n}`, title: `Brand ${n}`, summary: "Set status",
    fields: [{ name: "status", before: "Active", after: "Growing" }], saved_at: new Date().toISOString(), attempts: 0, next_attempt: null, error: null,
    group: null, can_edit: true, can_discard: true,
  };
}

beforeEach(() => {
  phase = "ready";
  queue = [];
  app.info = null;
  app.error = null;
  app.held = false;
  sync.status = null;
  sync.link = { up: true, since: 0 };
  notices.list = [];
  panels.palette = false;
  router.current = parseRoute("");
  history.replaceState(null, "", "/");
  useModel(BRAND);
  host = scripted({
    "app.info": () => ({ ...INFO, phase }),
    status: () => status({ queued: queue.length }),
    collections: () => [BRAND],
    overview: () => ({
      collections: [{ collection: "brand", label: "Brands", rows: 7_038, pending: 0 }],
      sectors: [{ id: "s1", key: "banking", name: "Banking & Finance", icon: "🏦", status: "Active", category: "Financial", brands: 272, declared_brands: 456, pending: 0 }],
    }),
    recent: () => [],
    facets: () => [{ value: "Growing", label: "Growing", count: 12 }],
    list: ({ offset, limit }) => ({ total: 7_038, rows: Array.from({ length: Math.min(limit, 7_038 - offset) }, (_, i) => row(offset + i)) }),
    get: () => record({ name: "Brand 1", status: "Active" }),
    queue: ({ offset, limit }) => ({ total: queue.length, rows: queue.slice(offset, offset + limit) }),
    "queue.discard": ({ change: id }) => {
      queue = queue.filter((q) => q.change !== id);
      return {};
    },
    "queue.restore": () => {
      queue = [change(1)];
      return { change: "c9", id: "id-1" };
    },
    search: ({ text }) => [{ collection: "brand", id: "id-5", title: `Found ${text}`, subtitle: "Banking & Finance" }],
    conflicts: () => ({ total: 0, rows: [] }),
  });
});
afterEach(cleanup);

describe("first run", () => {
  beforeEach(() => {
    phase = "first_run";
  });

  test("joining asks for a passphrase only when no keychain answers, and holds until the code is kept", async () => {
    host.script["enrol.join"] = ({ passphrase }) => {
      if (passphrase === null) throw refusal("keychain_unavailable");
      phase = "ready";
      host.push({ event: "phase" });
      return { device: "d", replica: "r", operator: "Ada Okafor", recovery_code: "7KQ2-M9XA" };
    };
    render(App);
    await fireEvent.input(await screen.findByTestId("join-central"), { target: { value: "http://127.0.0.1:7420" } });
    await fireEvent.input(screen.getByTestId("join-code"), { target: { value: "4F2K" } });
    await fireEvent.input(screen.getByTestId("join-name"), { target: { value: "ada-laptop" } });
    expect(screen.queryByTestId("passphrase-ask")).toBeNull();
    await fireEvent.click(screen.getByTestId("first-start"));
    await fireEvent.input(await screen.findByTestId("join-passphrase"), { target: { value: "correct horse" } });
    expect((screen.getByTestId("first-start") as HTMLButtonElement).disabled).toBe(true);
    await fireEvent.input(screen.getByTestId("join-passphrase-again"), { target: { value: "correct horse" } });
    await fireEvent.click(screen.getByTestId("first-start"));
    expect((await screen.findByTestId("recovery-code")).textContent).toBe("7KQ2-M9XA");
    expect(screen.queryByTestId("screen-home")).toBeNull();
    expect((screen.getByTestId("recovery-kept") as HTMLButtonElement).disabled).toBe(true);
    await fireEvent.click(screen.getByTestId("recovery-sure"));
    await fireEvent.click(screen.getByTestId("recovery-kept"));
    await screen.findByTestId("screen-home");
    expect(host.of("enrol.join").at(-1)).toMatchObject({ central: "http://127.0.0.1:7420", code: "4F2K", name: "ada-laptop", passphrase: "correct horse" });
  });

  test("a refused code says why and keeps what was typed", async () => {
    host.script["enrol.join"] = () => {
      throw refusal("code_used", "This code was used already. Ask for another one.");
    };
    render(App);
    await fireEvent.input(await screen.findByTestId("join-central"), { target: { value: "http://127.0.0.1:7420" } });
    await fireEvent.input(screen.getByTestId("join-code"), { target: { value: "OLD1" } });
    await fireEvent.input(screen.getByTestId("join-name"), { target: { value: "ada-laptop" } });
    await fireEvent.click(screen.getByTestId("first-start"));
    expect((await screen.findByTestId("error-note")).textContent).toContain("code_used");
    expect((screen.getByTestId("join-code") as HTMLInputElement).value).toBe("OLD1");
  });

  test("a local central is started and its progress has numbers", async () => {
    let finish: () => void = () => undefined;
    host.script["enrol.local"] = () => new Promise((done) => {
      finish = () => done({ device: "d", replica: "r", operator: "Ada", recovery_code: "X" });
    });
    render(App);
    await fireEvent.click(await screen.findByTestId("way-local"));
    await fireEvent.input(screen.getByTestId("join-name"), { target: { value: "ada-laptop" } });
    await fireEvent.click(screen.getByTestId("first-start"));
    host.push({ event: "progress", progress: { label: "Copying records", done: 18_240, total: 75_112 } });
    await waitFor(() => expect(screen.getByTestId("first-progress").textContent).toContain("18,240 of 75,112"));
    finish();
    await screen.findByTestId("recovery-code");
  });
});

test("locked: a wrong passphrase is said, the right one opens", async () => {
  phase = "locked";
  host.script["app.info"] = () => ({ ...INFO, phase, keys: "passphrase" });
  host.script["app.unlock"] = ({ passphrase }) => {
    if (passphrase !== "right") throw refusal("wrong_passphrase");
    phase = "ready";
    return {};
  };
  render(App);
  const input = await screen.findByTestId("unlock-passphrase");
  await fireEvent.input(input, { target: { value: "wrong" } });
  await fireEvent.click(screen.getByTestId("unlock"));
  await screen.findByText("wrong_passphrase");
  await fireEvent.input(input, { target: { value: "right" } });
  await fireEvent.click(screen.getByTestId("unlock"));
  await screen.findByTestId("screen-home");
});

test("locked by a silent keychain: it is asked again, and the code opens too", async () => {
  phase = "locked";
  let answers = false;
  host.script["app.unlock"] = ({ passphrase, recovery_code }) => {
    if (!answers && recovery_code !== "XRCW-CHC1") throw refusal("keychain_unavailable", "The keychain of this system is locked.");
    expect(passphrase).toBeNull();
    phase = "ready";
    return {};
  };
  render(App);
  await fireEvent.click(await screen.findByTestId("unlock-keychain"));
  await screen.findByText("keychain_unavailable");
  answers = true;
  await fireEvent.click(screen.getByTestId("unlock-keychain"));
  await screen.findByTestId("screen-home");
  expect(host.of("app.unlock").at(-1)).toEqual({ passphrase: null, recovery_code: null });
});

test("a forgotten passphrase is replaced with the recovery code", async () => {
  phase = "locked";
  host.script["app.info"] = () => ({ ...INFO, phase, keys: "passphrase" });
  host.script["app.unlock"] = () => {
    phase = "ready";
    return {};
  };
  render(App);
  await fireEvent.click(await screen.findByTestId("unlock-switch"));
  await fireEvent.input(screen.getByTestId("unlock-recovery"), { target: { value: " XRCW-CHC1 " } });
  await fireEvent.input(screen.getByTestId("unlock-next"), { target: { value: "another good one" } });
  await fireEvent.click(screen.getByTestId("unlock"));
  await screen.findByTestId("screen-home");
  expect(host.of("app.unlock")).toEqual([{ passphrase: "another good one", recovery_code: "XRCW-CHC1" }]);
});

describe("ready", () => {
  test("the frame shows the one state everywhere: pill, title, banner", async () => {
    render(App);
    await screen.findByTestId("screen-home");
    expect(document.title).toBe("In sync · Omni Control Center");
    expect(screen.queryByTestId("banner")).toBeNull();
    host.push({ event: "status", status: status({ state: "offline", sentence: "This laptop has no network. Keep working; 3 edits wait.", queued: 3 }) });
    await waitFor(() => expect(screen.getByTestId("banner").textContent).toContain("3 edits wait"));
    expect(screen.getByTestId("sync-pill").textContent).toContain("Offline");
    expect(screen.getByTestId("sync-waiting").textContent).toBe("3 waiting");
    await waitFor(() => expect(document.title).toBe("Offline, 3 waiting · Omni Control Center"));
    host.link({ up: false, since: Date.now() });
    await waitFor(() => expect(screen.getByTestId("banner").dataset.state).toBe("unknown"));
  });

  test("counts come from records; declared ones stand apart with the difference", async () => {
    render(App);
    await waitFor(() => expect(screen.getByTestId("count-brand").textContent).toContain("7,038"));
    expect(screen.getByTestId("sector-table").textContent).toContain("−184");
  });

  test("7,038 brands: a window of them is drawn, a sector narrows, a row opens", async () => {
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-brands"));
    await waitFor(() => expect(screen.getByTestId("brand-table").dataset.total).toBe("7038"));
    expect(screen.getAllByTestId("brand-row").length).toBeLessThan(60);
    expect(screen.getByTestId("table-count").textContent).toBe("7,038 brands");
    await fireEvent.click(await screen.findByTestId("sector-banking"));
    await waitFor(() => expect(host.of("list").at(-1)).toMatchObject({ where: { sector: "s1" } }));
    await fireEvent.click(screen.getByTestId("sort-employees"));
    await waitFor(() => expect(host.of("list").at(-1)).toMatchObject({ sort: "employees" }));
    await fireEvent.click(screen.getByTestId("sort-employees"));
    await waitFor(() => expect(host.of("list").at(-1)).toMatchObject({ sort: "-employees" }));
    await fireEvent.input(screen.getByTestId("table-search"), { target: { value: "verd" } });
    await waitFor(() => expect(host.of("list").at(-1)).toMatchObject({ search: "verd", where: { sector: "s1" } }));
    await fireEvent.click(screen.getByTestId("filter-status"));
    await fireEvent.click(await screen.findByText("Growing"));
    await waitFor(() => expect(host.of("list").at(-1)).toMatchObject({ where: { sector: "s1", status: "Growing" } }));
    const grid = screen.getByTestId("brand-table");
    grid.focus();
    await fireEvent.keyDown(grid, { key: "ArrowDown" });
    await fireEvent.keyDown(grid, { key: "Enter" });
    await screen.findByTestId("record-pane");
    expect(router.current.params.id).toBe("id-1");
  });

  test("the queue: discard takes one away, undo brings it back", async () => {
    queue = [change(1), change(2)];
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-queue"));
    await waitFor(() => expect(screen.getAllByTestId("queue-row")).toHaveLength(2));
    await fireEvent.click(screen.getAllByTestId("queue-row")[0]?.querySelector("[role=gridcell]") as HTMLElement);
    await fireEvent.click(await screen.findByTestId("queue-discard"));
    await fireEvent.click(await screen.findByTestId("notice-undo"));
    await waitFor(() => expect(host.of("queue.restore")).toEqual([{ change: "c1" }]));
  });

  test("a queue of 10,000 draws a window", async () => {
    queue = Array.from({ length: 10_000 }, (_, i) => change(i));
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-queue"));
    await waitFor(() => expect(screen.getByTestId("queue-count").textContent).toBe("10,000 changes"));
    expect(screen.getAllByTestId("queue-row").length).toBeLessThan(60);
    expect(host.of("queue").length).toBeLessThan(4);
  });

  test("an empty queue says why it is empty", async () => {
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-queue"));
    expect((await screen.findByTestId("queue-empty")).textContent).toContain("Nothing waits");
  });

  test("the palette holds every command and finds records", async () => {
    render(App);
    await screen.findByTestId("screen-home");
    await fireEvent.keyDown(window, { key: "k", ctrlKey: true });
    await waitFor(() => expect(screen.getAllByTestId("palette-item")).toHaveLength(COMMANDS.length));
    await fireEvent.input(screen.getByTestId("palette-input"), { target: { value: "verdnat" } });
    await screen.findByText("Found verdnat");
    await fireEvent.keyDown(screen.getByTestId("palette-input"), { key: "Enter" });
    await screen.findByTestId("screen-brands");
    expect(router.current.params.id).toBe("id-5");
  });

  test("catching up is news only when it lasts: an echo of one’s own edit is not", async () => {
    render(App);
    await screen.findByTestId("screen-home");
    host.push({ event: "status", status: status({ state: "catching_up", sentence: "Receiving 9 of 10 changes." }) });
    await waitFor(() => expect(screen.getByTestId("sync-pill").textContent).toContain("Catching up"));
    await new Promise((r) => setTimeout(r, 300));
    expect(screen.queryByTestId("banner")).toBeNull();
    await waitFor(() => expect(screen.getByTestId("banner").textContent).toContain("9 of 10"), { timeout: 3_000 });
  });

  test("missed events: everything on screen is read anew", async () => {
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-brands"));
    await waitFor(() => expect(screen.getByTestId("brand-table").dataset.total).toBe("7038"));
    const lists = host.of("list").length;
    const asked = host.of("status").length;
    host.push({ event: "lagged", missed: 40 });
    await waitFor(() => expect(host.of("list").length).toBeGreaterThan(lists));
    expect(host.of("status").length).toBeGreaterThan(asked);
  });

  test("a status that moves the queue on moves the queue’s list, even when as many changes wait", async () => {
    queue = [change(1)];
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-queue"));
    await waitFor(() => expect(screen.getAllByTestId("queue-row")).toHaveLength(1));
    const reads = host.of("queue").length;
    host.push({ event: "status", status: status({ state: "sending", sentence: "Sending 1 edit.", queued: 0, sending: 1 }) });
    await waitFor(() => expect(host.of("queue").length).toBeGreaterThan(reads));
  });

  test("Open inbox leads to what needs a person, not to the head of a long queue", async () => {
    queue = [...Array.from({ length: 500 }, (_, i) => change(i)), change(501, "blocked")];
    host.script.queue = ({ state, offset, limit }) => {
      const all = queue.filter((q) => state === null || q.state === state);
      return { total: all.length, rows: all.slice(offset, offset + limit) };
    };
    host.script.status = () => status({ state: "needs_attention", sentence: "0 conflicts and 1 rejected edit need you.", action: "Open inbox", queued: 500, needs_attention: 1 });
    render(App);
    await fireEvent.click(await screen.findByTestId("banner-action"));
    await screen.findByTestId("screen-queue");
    await waitFor(() => expect(router.current.params.state).toBe("blocked"));
  });

  test("the shell’s words are shown with their code until they are closed", async () => {
    render(App);
    await screen.findByTestId("screen-home");
    host.push({ event: "notice", code: "config_invalid", message: "The settings file could not be read; the last good one stands." });
    expect((await screen.findByTestId("notice")).textContent).toContain("config_invalid");
  });

  test("Enter opens the record on the cell’s field, Enter edits it, Esc leads back to the table", async () => {
    render(App);
    await fireEvent.click(await screen.findByTestId("nav-brands"));
    await waitFor(() => expect(screen.getByTestId("brand-table").dataset.total).toBe("7038"));
    const grid = screen.getByTestId("brand-table");
    grid.focus();
    await fireEvent.keyDown(grid, { key: "ArrowRight" });
    await fireEvent.keyDown(grid, { key: "Enter" });
    await waitFor(() => expect((document.activeElement as HTMLElement).dataset.edit).toBe("status"));
    await fireEvent.keyDown(document.activeElement as HTMLElement, { key: "Escape" });
    await waitFor(() => expect(document.activeElement).toBe(grid));
    expect(screen.queryByTestId("record-pane")).toBeNull();
    await fireEvent.keyDown(grid, { key: "F2" });
    await screen.findByTestId("field-status-options");
  });

  test("a command that begins with what is typed comes before the records", async () => {
    render(App);
    await screen.findByTestId("screen-home");
    await fireEvent.keyDown(window, { key: "k", ctrlKey: true });
    await fireEvent.input(await screen.findByTestId("palette-input"), { target: { value: "queue" } });
    await screen.findByText("Found queue");
    expect(screen.getAllByTestId("palette-item")[0]?.textContent).toContain("Queue");
    await fireEvent.keyDown(screen.getByTestId("palette-input"), { key: "Enter" });
    await screen.findByTestId("screen-queue");
  });

  test("two keys in a row go places, but not while typing", async () => {
    render(App);
    await screen.findByTestId("screen-home");
    await fireEvent.keyDown(window, { key: "g" });
    await fireEvent.keyDown(window, { key: "q" });
    await screen.findByTestId("screen-queue");
    await fireEvent.click(screen.getByTestId("nav-brands"));
    const search = await screen.findByTestId("table-search");
    await fireEvent.keyDown(search, { key: "g" });
    await fireEvent.keyDown(search, { key: "q" });
    expect(router.current.screen).toBe("brands");
  });
});

test("keys do not clash", () => {
  const keys = COMMANDS.flatMap((c) => c.keys ?? []);
  expect(new Set(keys).size).toBe(keys.length);
  expect(matchCommands("sync now")[0]?.id).toBe("sync.now");
});

test("an address is read strictly and comes back as it was", () => {
  const route = parseRoute("#/brands?sector=banking&f.status=Growing&q=a%20b");
  expect(route).toEqual({ screen: "brands", params: { sector: "banking", "f.status": "Growing", q: "a b" } });
  expect(parseRoute(formatRoute(route))).toEqual(route);
  expect(parseRoute("#/../../etc").screen).toBe("home");
});
