// History, the past beside now, undo and rollback with their previews, texts that merge while they are typed.
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Keys } from "../lib/commands";
import type { HistoryEntry, RollbackLine } from "../lib/generated/rpc";
import { publishNow } from "../lib/state/bus";
import { redoLast, undoLast } from "../lib/state/deeds.svelte";
import { drafts } from "../lib/state/drafts.svelte";
import { notices } from "../lib/state/notices.svelte";
import { OpenRecord } from "../lib/state/record.svelte";
import { parseRoute, router } from "../lib/state/route.svelte";
import AsOfView from "../parts/AsOfView.svelte";
import HistoryView from "../parts/HistoryView.svelte";
import RecordPane from "../parts/RecordPane.svelte";
import RollbackDialog from "../parts/RollbackDialog.svelte";
import DeviceRollback from "../frame/DeviceRollback.svelte";
import { BRAND, field, record, refusal, scripted, status, useModel, type Scripted } from "./scripted";

const TYPED = { ...BRAND, fields: [...BRAND.fields, field("story", "long_text", { policy: "text", label: "Story" })] };
let host: Scripted;
let lines: RollbackLine[];
let entries: HistoryEntry[];

const entry = (seq: number | null, more: Partial<HistoryEntry> = {}): HistoryEntry => ({
  seq, change: `c${seq ?? "own"}`, at: "2026-03-01T14:00:00Z", by: "Mara Ito", device: "field-7", command: "edit", kind: seq === null ? "pending" : "changed", rule: null,
  fields: [{ name: "status", label: "Status", before: "Active", after: "Growing" }], can_undo: true, group: null, ...more,
});
const line = (name: string, more: Partial<RollbackLine> = {}): RollbackLine => ({
  address: `brand/id-1/${name}`, collection: "brand", record: "id-1", title: "Acme", field: name, label: name, now: "Growing", then: "Active", later: false, later_by: null, ...more,
});

beforeEach(() => {
  useModel(TYPED);
  drafts.all = {};
  notices.list = [];
  history.replaceState(null, "", "/");
  router.current = parseRoute("#/brands");
  lines = [line("status"), line("notes", { later: true, later_by: "Jonas Lindqvist", now: "new", then: "old" })];
  entries = [entry(null), entry(30), entry(20, { fields: [{ name: "notes", label: "Notes", before: "Call the grower before Friday.", after: "Call the grower before Monday morning." }], rule: "Latest" }), entry(10, { kind: "created", fields: [], can_undo: false })];
  host = scripted({
    status: () => status(),
    history: ({ offset, limit }) => ({ entries: entries.slice(offset, offset + limit), local_since: 10, incomplete: false, more: false }),
    "rollback.preview": () => ({ lines, missing: 2 }),
    rollback: () => ({ changes: ["r1"], discarded: 0, group: null, left: 1 }),
    set: () => ({ change: "s1", id: "id-1" }),
    text: () => ({ change: "t1", id: "id-1" }),
    queue: () => ({ total: 0, rows: [] }),
    recent: () => [],
  });
});
afterEach(cleanup);

describe("history", () => {
  const show = () => render(HistoryView, { collection: "brand", id: "id-1", title: "Acme", onasof: vi.fn() });

  test("newest first, with who and where; texts as word diffs; own work not on central is said", async () => {
    show();
    await waitFor(() => expect(screen.getAllByTestId("history-entry")).toHaveLength(4));
    const [own, first, text, created] = screen.getAllByTestId("history-entry");
    expect(own?.textContent).toContain("not on central yet");
    expect(first?.textContent).toContain("Mara Ito on field-7 · commit 30");
    expect(text?.querySelector("del")?.textContent).toBe("Friday");
    expect(text?.querySelector("ins")?.textContent).toBe("Monday morning");
    expect(text?.textContent).toContain("rule: latest");
    expect(within(created as HTMLElement).queryByTestId("history-undo")).toBeNull();
  });

  test("one field alone", async () => {
    show();
    await waitFor(() => expect(screen.getAllByTestId("history-entry")).toHaveLength(4));
    await fireEvent.change(screen.getByTestId("history-field"), { target: { value: "notes" } });
    await waitFor(() => expect(screen.getAllByTestId("history-entry")).toHaveLength(1));
  });

  test("older entries that only central has are said to be missing", async () => {
    host.script.history = () => ({ entries, local_since: 10, incomplete: true, more: false });
    show();
    expect((await screen.findByTestId("history-incomplete")).textContent).toContain("cannot be asked now");
  });

  test("older pages begin before the last commit that is here", async () => {
    const all = Array.from({ length: 120 }, (_, n) => entry(500 - n));
    host.script.history = ({ before, limit }) => {
      const from = all.filter((e) => before === null || (e.seq ?? 0) < before);
      return { entries: from.slice(0, limit), local_since: null, incomplete: false, more: from.length > limit };
    };
    show();
    await waitFor(() => expect(screen.getAllByTestId("history-entry")).toHaveLength(50));
    for (const wanted of [100, 120]) {
      await fireEvent.click(screen.getByText("Show older"));
      await waitFor(() => expect(screen.getAllByTestId("history-entry")).toHaveLength(wanted));
    }
    expect(screen.queryByText("Show older")).toBeNull();
  });

  test("taking a change back is previewed first, and opens for that change", async () => {
    show();
    await fireEvent.click((await screen.findAllByTestId("history-undo"))[1] as HTMLElement);
    await screen.findByTestId("rollback-lines");
    expect(host.of("rollback.preview")).toEqual([{ change: "c30", record: null, group: null, device: null, also: [] }]);
    expect(host.of("rollback")).toEqual([]);
  });

  test("a change made together with others is taken back with them, a lone one alone", async () => {
    entries = [entry(30, { group: "g7" }), entry(20)];
    show();
    await waitFor(() => expect(screen.getAllByTestId("history-entry")).toHaveLength(2));
    expect(screen.getAllByTestId("history-group")).toHaveLength(1);
    await fireEvent.click(screen.getByTestId("history-group"));
    await screen.findByTestId("rollback-lines");
    expect(host.of("rollback.preview")).toEqual([{ change: null, record: null, group: "g7", device: null, also: [] }]);
  });

  test("rolling back goes to right after the commit", async () => {
    show();
    await fireEvent.click((await screen.findAllByTestId("history-rollback"))[1] as HTMLElement);
    await screen.findByTestId("rollback-lines");
    expect(host.of("rollback.preview")).toMatchObject([{ record: { collection: "brand", id: "id-1", to_seq: 20 }, also: [] }]);
  });
});

describe("rollback dialog", () => {
  test("an undo leaves later work of others alone unless it is ticked", async () => {
    const onclose = vi.fn();
    render(RollbackDialog, { props: { target: { kind: "change", change: "c30", title: "Acme" }, onclose } });
    await screen.findByTestId("rollback-lines");
    expect(screen.getByTestId("rollback-apply").textContent).toContain("Take back 1 value");
    expect(screen.getByText(/Jonas Lindqvist changed it since/)).toBeTruthy();
    await fireEvent.click(screen.getByRole("checkbox", { hidden: true }));
    expect(screen.getByTestId("rollback-apply").textContent).toContain("Take back 2 values");
    await fireEvent.click(screen.getByTestId("rollback-apply"));
    await waitFor(() => expect(onclose).toHaveBeenCalled());
    expect(host.of("rollback")).toEqual([{ change: "c30", record: null, group: null, device: null, also: ["brand/id-1/notes"] }]);
  });

  test("a device’s time: ticked addresses go along, what cannot be reached is said", async () => {
    const device = { device: "field-7", from: "2026-03-01T13:00:00Z", to: "2026-03-01T14:00:00Z" };
    render(RollbackDialog, { props: { target: { kind: "device", device }, onclose: vi.fn() } });
    expect((await screen.findByTestId("rollback-missing")).textContent).toContain("2 changes are older");
    await fireEvent.click(screen.getByRole("checkbox", { hidden: true }));
    await fireEvent.click(screen.getByTestId("rollback-apply"));
    await waitFor(() => expect(host.of("rollback")).toEqual([{ change: null, record: null, group: null, device, also: ["brand/id-1/notes"] }]));
  });

  test("a refusal is shown and nothing closes", async () => {
    host.script.rollback = () => {
      throw refusal("not_available", "Central is needed for this.");
    };
    const onclose = vi.fn();
    render(RollbackDialog, { props: { target: { kind: "group", group: "g1", title: "Import" }, onclose } });
    await screen.findByTestId("rollback-lines");
    await fireEvent.click(screen.getByTestId("rollback-apply"));
    await screen.findByTestId("error-note");
    expect(onclose).not.toHaveBeenCalled();
  });

  test("nothing to take back cannot be applied", async () => {
    lines = [];
    render(RollbackDialog, { props: { target: { kind: "group", group: "g1", title: "Import" }, onclose: vi.fn() } });
    await screen.findByTestId("rollback-nothing");
    expect((screen.getByTestId("rollback-apply") as HTMLButtonElement).disabled).toBe(true);
  });

  test("device and times are checked before anything is asked", async () => {
    render(DeviceRollback, { start: { device: "", from: "", to: "" } });
    await fireEvent.click(screen.getByTestId("rollback-preview"));
    expect(screen.getByRole("alert", { hidden: true }).textContent).toContain("Name the device");
    await fireEvent.input(screen.getByTestId("rollback-device"), { target: { value: "field-7" } });
    await fireEvent.input(screen.getByTestId("rollback-from"), { target: { value: "2026-03-01 14:02" } });
    await fireEvent.input(screen.getByTestId("rollback-to"), { target: { value: "2026-03-01 13:02" } });
    await fireEvent.click(screen.getByTestId("rollback-preview"));
    expect(screen.getByRole("alert", { hidden: true }).textContent).toContain("before the beginning");
    expect(host.of("rollback.preview")).toEqual([]);
    await fireEvent.input(screen.getByTestId("rollback-to"), { target: { value: "2026-03-01 14:02" } });
    await fireEvent.click(screen.getByTestId("rollback-preview"));
    await screen.findByTestId("rollback-lines");
    const [asked] = host.of("rollback.preview") as [{ device: { from: string; to: string } }];
    expect(Date.parse(asked.device.to) - Date.parse(asked.device.from)).toBe(59_999);
  });
});

test("the past is labelled, beside now, and marks what differs", async () => {
  host.script.as_of = ({ at }) => ({ seq: Number(at), existed: true, id: "id-1", fields: { name: "Acme", status: "Active" }, differs: ["status"] });
  render(AsOfView, { record: record({ name: "Acme", status: "Growing" }), at: "20", onback: vi.fn() });
  expect((await screen.findByTestId("as-of-label")).textContent).toContain("The past");
  const [only, ...rest] = screen.getAllByTestId("as-of-field");
  expect(rest).toEqual([]);
  expect(only?.textContent?.replace(/\s+/g, " ")).toContain("Active");
  expect(only?.textContent).toContain("Growing");
  await fireEvent.input(screen.getByTestId("as-of-at"), { target: { value: "yesterday" } });
  await fireEvent.click(screen.getByTestId("as-of-show"));
  expect(screen.getByRole("alert", { hidden: true }).textContent).toContain("commit number");
  await fireEvent.input(screen.getByTestId("as-of-at"), { target: { value: "commit 1,200" } });
  await fireEvent.click(screen.getByTestId("as-of-show"));
  await waitFor(() => expect(host.of("as_of").at(-1)).toMatchObject({ at: "1200" }));
});

describe("undo and redo", () => {
  test("says what was taken back, with a way to do it again", async () => {
    host.script["undo.last"] = () => ({ change: "u1", id: "id-1" });
    host.script["redo.last"] = () => ({ change: "u2", id: "id-1" });
    host.script.recent = () => [{ seq: 9, change: "u1", collection: "brand", record: "id-1", title: "Acme", fields: ["name"], records: 1, by: null, device: null, at: null, command: "edit" }];
    await undoLast();
    expect(notices.list.at(-1)).toMatchObject({ text: "Took back: change of name of Acme", verb: "Redo" });
    notices.list.at(-1)?.undo?.();
    await waitFor(() => expect(host.of("redo.last")).toHaveLength(1));
    await waitFor(() => expect(notices.list.at(-1)?.text).toBe("Done again"));
  });

  test("nothing left: the reason is Rust’s own", async () => {
    host.script["redo.last"] = () => {
      throw refusal("nothing_to_redo", "Nothing was taken back.");
    };
    await redoLast();
    expect(notices.list.at(-1)).toMatchObject({ text: "Nothing was taken back.", tone: "error" });
  });

  test("the keys are for the window, not for typed text", () => {
    const keys = new Keys();
    const press = (target: EventTarget, key: string, shiftKey = false) => {
      const event = new KeyboardEvent("keydown", { key, shiftKey, ctrlKey: true });
      Object.defineProperty(event, "target", { value: target });
      return keys.press(event, true, 0)?.id;
    };
    expect(press(document.body, "z")).toBe("edit.undo");
    expect(press(document.body, "Z", true)).toBe("edit.redo");
    expect(press(document.createElement("input"), "z")).toBeUndefined();
    expect(press(document.createElement("textarea"), "Z", true)).toBeUndefined();
    expect(press(document.createElement("input"), "k")).toBe("help.palette");
  });
});

describe("texts that merge", () => {
  test("words written elsewhere since typing began are kept when it is saved", async () => {
    const held = record({ name: "Acme" });
    host.script.get = () => ({ ...held, fields: [...held.fields, { name: "story", value: "One two three four.", title: null, state: "saved", confirmed: null, saved_at: null }] });
    const open = new OpenRecord("brand", "id-1");
    await open.save("story", "One 2 three.", "One two three.");
    expect(host.of("text")).toEqual([{ collection: "brand", id: "id-1", field: "story", insert: null, delete: null, at: 0, replace: "One 2 three four." }]);
    await open.save("name", "Acme Two", "Acme");
    expect(host.of("set")).toEqual([{ collection: "brand", id: "id-1", fields: { name: "Acme Two" } }]);
  });

  test("what others write is said inline, the typing is untouched, and can be joined at once", async () => {
    const held = record({ name: "Acme" });
    let story = "The line runs until June.";
    host.script.get = () => ({ ...held, fields: [...held.fields, { name: "story", value: story, title: null, state: "saved", confirmed: null, saved_at: null }] });
    render(RecordPane, { collection: "brand", id: "id-1", onclose: vi.fn() });
    await fireEvent.click(await screen.findByTestId("field-story-edit"));
    const input = (await screen.findByTestId("field-story-input")) as HTMLTextAreaElement;
    await fireEvent.input(input, { target: { value: "The line runs until June. Then it stops." } });
    story = "The packing line runs until June.";
    publishNow({ event: "changed", collections: { brand: { all: true, ids: [] } }, seq: 1, local: false });
    const said = await screen.findByTestId("field-story-changed");
    expect(said.querySelector("ins")?.textContent?.trim()).toBe("packing");
    expect(input.value).toBe("The line runs until June. Then it stops.");
    await fireEvent.click(screen.getByTestId("field-story-join"));
    await waitFor(() => expect(input.value).toBe("The packing line runs until June. Then it stops."));
    await fireEvent.keyDown(input, { key: "Enter", ctrlKey: true });
    await waitFor(() => expect(host.of("text")).toMatchObject([{ replace: "The packing line runs until June. Then it stops." }]));
  });
});

test("a field in conflict links to its item", async () => {
  host.script.get = () => record({ name: "Acme", status: "Stable" }, { status: "conflict" });
  render(RecordPane, { collection: "brand", id: "id-1", onclose: vi.fn() });
  await fireEvent.click(await screen.findByTestId("field-status-conflict"));
  expect(router.current).toEqual({ screen: "conflicts", params: { record: "id-1", field: "status" } });
});
