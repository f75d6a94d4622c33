// The inbox by keyboard: choose, apply, next; select many; undo; what changes or is refused under the operator's eyes.
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ConflictRow, ConflictsArgs, ResolveArgs } from "../lib/generated/rpc";
import { publishNow } from "../lib/state/bus";
import { drafts } from "../lib/state/drafts.svelte";
import { inbox } from "../lib/state/inbox.svelte";
import { notices } from "../lib/state/notices.svelte";
import { parseRoute, router } from "../lib/state/route.svelte";
import { settings } from "../lib/state/settings.svelte";
import { sync } from "../lib/state/sync.svelte";
import Conflicts from "../screens/Conflicts.svelte";
import { BRAND, item, refusal, scripted, side, status, useModel, type Scripted } from "./scripted";

let items: ConflictRow[];
let host: Scripted;

const changed = () => publishNow({ event: "changed", collections: { brand: { all: true, ids: [] } }, seq: 1, local: false });
const table = () => screen.findByTestId("conflict-table");
const pane = () => screen.getByTestId("conflict-pane");
const press = async (key: string, more: KeyboardEventInit = {}) => fireEvent.keyDown(document.activeElement ?? document.body, { key, ...more });
const resolved = () => host.of("conflicts.resolve") as ResolveArgs[];

beforeEach(() => {
  useModel(BRAND);
  drafts.all = {};
  notices.list = [];
  sync.status = null;
  inbox.items = [];
  inbox.loaded = false;
  inbox.clear();
  history.replaceState(null, "", "/");
  router.current = parseRoute("#/conflicts");
  settings.value = { ...settings.value, singleKeys: true };
  items = [1, 2, 3, 4].map((n) => item(n, [side("status", { base: "Active", mine: "Growing", theirs: "Stable" })]));
  host = scripted({
    status: () => status({ conflicts: items.length }),
    queue: () => ({ total: 0, rows: [] }),
    conflicts: ({ decided, offset, limit }: ConflictsArgs) => {
      const all = items.filter((i) => i.decided === (decided ?? "open"));
      return { total: all.length, rows: all.slice(offset, offset + limit) };
    },
    "conflicts.resolve": ({ id }) => {
      items = items.map((i) => (i.id === id ? { ...i, can_resolve: false } : i));
      return { change: `change-${id}`, id };
    },
    "conflicts.resolve_many": ({ ids }) => ({ done: ids.length - 1, changes: ids.filter((_, n) => n !== 1).map((id) => `change-${id}`), failed: [{ id: ids[1] ?? "", error: { code: "stale", message: "It moved.", retryable: false, trace_id: "" } }] }),
    undo: ({ change }) => {
      items = items.map((i) => (change === `change-${i.id}` ? { ...i, can_resolve: true } : i));
      return { change: `undo-${change}`, id: "id-1" };
    },
  });
});
afterEach(cleanup);

async function open() {
  render(Conflicts);
  const list = await table();
  await waitFor(() => expect(document.activeElement === list).toBe(true));
  await screen.findByTestId("conflict-pane");
}

test("four items by keyboard alone: two keys each, the next one is there by itself", async () => {
  await open();
  expect(pane().dataset.id).toBe("item-1");
  for (const [n, key] of ["1", "2", "3", "1"].entries()) {
    await waitFor(() => expect(pane().dataset.id).toBe(`item-${n + 1}`));
    await press(key);
    await press("Enter", { ctrlKey: true });
    await waitFor(() => expect(resolved()).toHaveLength(n + 1));
  }
  expect(resolved().map((r) => r.take)).toEqual(["mine", "theirs", "base", "mine"]);
});

test("what the choice makes of the field is shown before it is applied, and nothing is applied without a choice", async () => {
  await open();
  await press("Enter", { ctrlKey: true });
  expect(resolved()).toEqual([]);
  expect((screen.getByTestId("conflict-apply") as HTMLButtonElement).disabled).toBe(true);
  await press("1");
  await waitFor(() => expect(screen.getByTestId("result").textContent).toContain("Growing"));
  await press("2");
  await waitFor(() => expect(screen.getByTestId("result").textContent).toContain("Stable as it stands"));
  await press("4");
  await waitFor(() => expect(screen.getByTestId("conflict-outcome").textContent).toContain("Only sets, long texts and counts"));
  expect(screen.getByTestId("result").textContent).toContain("Stable");
});

test("j and k move, and do nothing when single keys are off", async () => {
  await open();
  await press("j");
  await waitFor(() => expect(pane().dataset.id).toBe("item-2"));
  await press("k");
  await waitFor(() => expect(pane().dataset.id).toBe("item-1"));
  settings.value = { ...settings.value, singleKeys: false };
  await press("j");
  await press("1");
  expect(pane().dataset.id).toBe("item-1");
  expect((screen.getByTestId("conflict-apply") as HTMLButtonElement).disabled).toBe(true);
  await press("ArrowDown");
  await waitFor(() => expect(pane().dataset.id).toBe("item-2"));
});

test("what was settled is listed as on its way until central has answered, and u takes it back", async () => {
  await open();
  await press("1");
  await press("Enter", { ctrlKey: true });
  await screen.findByText(/Settled here, on the way/);
  await press("u");
  await waitFor(() => expect(host.of("undo")).toEqual([{ change: "change-item-1" }]));
  await waitFor(() => expect(screen.queryByText(/Settled here, on the way/)).toBeNull());
});

test("an item that came back under another seq is open again", async () => {
  await open();
  await press("1");
  await press("Enter", { ctrlKey: true });
  await screen.findByText(/Settled here, on the way/);
  items = items.map((i) => (i.id === "item-1" ? { ...i, seq: 900, rule: "stale", can_resolve: true } : i));
  changed();
  await waitFor(() => expect(screen.queryByText(/Settled here, on the way/)).toBeNull());
  expect(screen.getByText(/Decided, then moved/)).toBeTruthy();
});

test("a result written by hand survives 200 changes from elsewhere, and is what is sent", async () => {
  items = [item(1, [side("name", { base: "Acme", mine: "Acme One", theirs: "Acme Two" })])];
  await open();
  await press("e");
  const input = await screen.findByTestId("result-input-name");
  for (let n = 0; n < 200; n += 1) {
    const typed = `Acme ${"x".repeat(n)}`;
    await fireEvent.input(input, { target: { value: typed } });
    items = items.map((i) => ({ ...i, seq: i.seq + 1, fields: i.fields.map((f) => ({ ...f, theirs: `Acme ${n}` })) }));
    changed();
    expect((screen.getByTestId("result-input-name") as HTMLInputElement).value).toBe(typed);
  }
  await screen.findByTestId("conflict-moved");
  await fireEvent.keyDown(input, { key: "Enter", ctrlKey: true });
  await waitFor(() => expect(resolved()).toEqual([{ id: "item-1", take: "values", field: null, values: { name: `Acme ${"x".repeat(199)}` }, seq: 101 }]));
});

test("a stale answer is said in words, and the choice and the typing stay", async () => {
  host.script["conflicts.resolve"] = () => {
    items = items.map((i) => ({ ...i, seq: 500, fields: i.fields.map((f) => ({ ...f, theirs: "Acme Two and more" })) }));
    throw refusal("stale", "This conflict changed since you looked. Look again.");
  };
  items = [item(1, [side("name", { base: "Acme", mine: "Acme One", theirs: "Acme Two" })])];
  await open();
  await press("e");
  await fireEvent.input(await screen.findByTestId("result-input-name"), { target: { value: "Acme Three" } });
  await fireEvent.keyDown(screen.getByTestId("result-input-name"), { key: "Enter", ctrlKey: true });
  expect((await screen.findByTestId("error-note")).textContent).toContain("changed since you looked");
  expect((screen.getByTestId("result-input-name") as HTMLInputElement).value).toBe("Acme Three");
  expect(drafts.get("conflict/item-1/name")?.text).toBe("Acme Three");
  host.script["conflicts.resolve"] = ({ id, seq }) => {
    expect(seq).toBe(500);
    return { change: "c", id };
  };
  await waitFor(() => expect((screen.getByTestId("conflict-apply") as HTMLButtonElement).disabled).toBe(false));
  await fireEvent.keyDown(screen.getByTestId("result-input-name"), { key: "Enter", ctrlKey: true });
  await waitFor(() => expect(screen.queryByTestId("error-note")).toBeNull());
});

test("an item settled elsewhere says so and cannot be applied; what was typed stays", async () => {
  items = [item(1, [side("name", { base: "Acme", mine: "Acme One", theirs: "Acme Two" })]), item(2, [side("name", { mine: "a", theirs: "b" })])];
  await open();
  await press("e");
  await fireEvent.input(await screen.findByTestId("result-input-name"), { target: { value: "Acme Three" } });
  items = items.slice(1);
  changed();
  await screen.findByTestId("conflict-gone");
  expect((screen.getByTestId("result-input-name") as HTMLInputElement).value).toBe("Acme Three");
  expect((screen.getByTestId("conflict-apply") as HTMLButtonElement).disabled).toBe(true);
});

test("many at once: previewed with its count, the refused one stays selected with its reason", async () => {
  await open();
  await press("x");
  await press("ArrowDown", { shiftKey: true });
  await press("ArrowDown", { shiftKey: true });
  await screen.findByTestId("conflict-bulk");
  await press("1");
  await waitFor(() => expect(screen.getByTestId("bulk-preview").textContent).toContain("for 3 items: 3 records change"));
  await press("Enter", { ctrlKey: true });
  await waitFor(() => expect(host.of("conflicts.resolve_many")).toEqual([{ ids: ["item-1", "item-2", "item-3"], take: "mine" }]));
  const failed = await screen.findByTestId("bulk-failed");
  expect(failed.textContent).toContain("Brand 2");
  expect(failed.textContent).toContain("It moved.");
  expect([...inbox.selected]).toEqual(["item-2"]);
  await press("u");
  await waitFor(() => expect(host.of("undo")).toEqual([{ change: "change-item-3" }, { change: "change-item-1" }]));
});

test("fields that belong together: a key chooses for all, inside a field for it alone", async () => {
  items = [item(1, [side("employees", { base: 1, mine: 2, theirs: 3 }), side("status", { base: "Active", mine: "Growing", theirs: "Stable" })])];
  await open();
  await press("1");
  within(screen.getByTestId("conflict-field-status")).getByTestId("take-theirs").focus();
  await press("2");
  await press("Enter", { ctrlKey: true });
  await waitFor(() => expect(resolved()).toEqual([{ id: "item-1", take: "values", field: null, values: { employees: 2, status: "Stable" }, seq: 101 }]));
});

test("delete against edit is two ways in words, by the same keys", async () => {
  items = [item(1, [side("*")], { kind: "record", delete: true, rule: "committed stands" })];
  await open();
  expect(screen.getByTestId("take-mine").textContent).toContain("Delete the record");
  await press("3");
  await waitFor(() => expect(screen.getByTestId("conflict-outcome").textContent).toContain("no value before both"));
  await press("2");
  await press("Enter", { ctrlKey: true });
  await waitFor(() => expect(resolved()).toEqual([{ id: "item-1", take: "theirs", field: null, values: {}, seq: 101 }]));
});

test("a settled item can be chosen again", async () => {
  items = [item(1, [side("status", { base: "Active", mine: "Growing", theirs: "Stable", settled: "Stable" })], { decided: "person", settled_by: "Ines Duarte", settled_at: new Date().toISOString() })];
  router.current = parseRoute("#/conflicts?show=person");
  await open();
  expect(screen.getByTestId("conflict-settled").textContent).toContain("Ines Duarte");
  await press("1");
  expect(screen.getByTestId("conflict-apply").textContent).toContain("Choose again");
  await press("Enter", { ctrlKey: true });
  await waitFor(() => expect(resolved()).toHaveLength(1));
});

test("a link from a field opens its item", async () => {
  router.current = parseRoute("#/conflicts?record=id-3&field=status");
  await open();
  await waitFor(() => expect(pane().dataset.id).toBe("item-3"));
});

test("an empty inbox says why; an unreadable one says that", async () => {
  items = [];
  const { unmount } = render(Conflicts);
  await screen.findByTestId("conflicts-empty");
  unmount();
  host.script.conflicts = () => {
    throw refusal("corrupt", "A page of the copy could not be read.");
  };
  inbox.loaded = false;
  render(Conflicts);
  await screen.findByTestId("error-note");
  expect(screen.queryByTestId("conflicts-empty")).toBeNull();
});
