// One waiting change: what can be done to it, by values and by words.
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { QueueRow } from "../lib/generated/rpc";
import { publishNow } from "../lib/state/bus";
import { drafts } from "../lib/state/drafts.svelte";
import { titles } from "../lib/state/titles.svelte";
import QueuePane from "../parts/QueuePane.svelte";
import { BRAND, field, record, refusal, scripted, status, useModel, type Scripted } from "./scripted";

const SECTOR = { ...BRAND, name: "sector", label: "Sector", plural: "Sectors" };
const LINKED = { ...BRAND, fields: [...BRAND.fields, field("sector", "ref", { target: "sector" }), field("reviews", "int", { policy: "counter" })] };
let host: Scripted;

function row(more: Partial<QueueRow> = {}): QueueRow {
  return {
    change: "c1", state: "pending", priority: 2, collection: "brand", record: "id-1", title: "Verdant Roots", summary: "Change name",
    fields: [{ name: "name", before: "Verdant", after: "Verdant Roots" }], saved_at: new Date().toISOString(), attempts: 0, next_attempt: null,
    error: null, group: null, can_edit: true, can_discard: true, ...more,
  };
}

const props = (r: QueueRow) => ({ row: r, left: false, onclose: vi.fn(), onedited: vi.fn(), onaway: vi.fn() });

beforeEach(() => {
  useModel(LINKED, SECTOR);
  drafts.all = {};
  host = scripted({
    status: () => status(),
    get: ({ id }) => ({ ...record({ name: "x" }), id, title: id === "s1" ? "Banking & Finance" : "Creative Tech" }),
    list: () => ({ total: 0, rows: [] }),
    "queue.edit": () => ({ change: "c2", id: "id-1" }),
    "queue.retry": () => ({}),
    "queue.discard": () => ({}),
  });
});
afterEach(cleanup);

test("linked records are shown by title, not by id", async () => {
  render(QueuePane, props(row({ fields: [{ name: "sector", before: "s1", after: "s2" }] })));
  await screen.findByText("Banking & Finance");
  await screen.findByText("Creative Tech");
  expect(host.of("get")).toHaveLength(2);
});

test("a title is asked for once, and again when its record changed", async () => {
  const target = field("sector", "ref", { target: "sector" });
  expect(titles.show(target, "s9")).toBe("s9");
  titles.show(target, "s9");
  await waitFor(() => expect(titles.show(target, "s9")).toBe("Creative Tech"));
  expect(host.of("get")).toHaveLength(1);
  expect(titles.show(target, "+ s9")).toBe("+ Creative Tech");
  publishNow({ event: "changed", collections: { sector: { all: false, ids: ["s9"] } }, seq: 1, local: false });
  titles.show(target, "s9");
  expect(host.of("get")).toHaveLength(2);
});

test("editing sends only what changed, and keeps the text when the pane is closed half way", async () => {
  const first = props(row());
  render(QueuePane, first);
  await fireEvent.click(screen.getByTestId("queue-edit"));
  await fireEvent.input(screen.getByTestId("queue-edit-name"), { target: { value: "Verdant R" } });
  cleanup();
  const again = props(row());
  render(QueuePane, again);
  expect((screen.getByTestId("queue-edit-name") as HTMLInputElement).value).toBe("Verdant R");
  await fireEvent.click(screen.getByTestId("queue-save"));
  await waitFor(() => expect(again.onedited).toHaveBeenCalledWith("c2"));
  expect(host.of("queue.edit")).toEqual([{ change: "c1", fields: { name: "Verdant R" } }]);
  expect(drafts.all).toEqual({});
});

test("a refused edit keeps the editor and its text", async () => {
  host.script["queue.edit"] = () => {
    throw refusal("sealed", "This change is on its way and is answered first.");
  };
  render(QueuePane, props(row()));
  await fireEvent.click(screen.getByTestId("queue-edit"));
  await fireEvent.input(screen.getByTestId("queue-edit-name"), { target: { value: "Mine" } });
  await fireEvent.click(screen.getByTestId("queue-save"));
  await screen.findByText("sealed");
  expect((screen.getByTestId("queue-edit-name") as HTMLInputElement).value).toBe("Mine");
});

test("a step to a count is not offered as a value", () => {
  render(QueuePane, props(row({ fields: [{ name: "reviews", before: 4, after: "+3" }] })));
  expect((screen.getByTestId("queue-edit") as HTMLButtonElement).disabled).toBe(true);
});

test("what was sent cannot be taken back, and says why", () => {
  render(QueuePane, props(row({ state: "sending", can_edit: false, can_discard: false })));
  expect(screen.getByTestId("queue-discard").title).toContain("answered first");
  expect(screen.queryByTestId("queue-retry")).toBeNull();
});

test("a refused change that is tried again leaves the list; one that waits stays", async () => {
  const refused = props(row({ state: "rejected" }));
  render(QueuePane, refused);
  await fireEvent.click(screen.getByTestId("queue-retry"));
  await waitFor(() => expect(refused.onaway).toHaveBeenCalled());
  cleanup();
  const waits = props(row());
  render(QueuePane, waits);
  await fireEvent.click(screen.getByTestId("queue-retry"));
  await waitFor(() => expect(host.of("queue.retry")).toHaveLength(2));
  expect(waits.onaway).not.toHaveBeenCalled();
});
