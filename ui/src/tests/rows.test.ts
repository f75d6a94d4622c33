import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Rows, TINT_MS, type RowSource } from "../lib/state/rows.svelte";

interface Item {
  id: string;
  name: string;
}
let all: Item[];
let asked: number[];
const source: RowSource<Item> = {
  fetch: async (offset, limit) => {
    asked.push(offset);
    return { total: all.length, rows: all.slice(offset, offset + limit).map((i) => ({ ...i })) };
  },
  key: (i) => i.id,
  diff: (a, b) => (a.name === b.name ? [] : ["name"]),
  one: async (id) => all.find((i) => i.id === id) ?? null,
};

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  all = Array.from({ length: 7_038 }, (_, i) => ({ id: `i${i}`, name: `Brand ${i}` }));
});
afterEach(() => vi.useRealTimers());

async function rowsAt(first: number, last: number): Promise<Rows<Item>> {
  const rows = new Rows<Item>(source);
  await rows.reset();
  rows.show(first, last);
  await vi.advanceTimersByTimeAsync(0);
  return rows;
}

test("only windows are asked for, each once", async () => {
  const rows = await rowsAt(0, 30);
  expect(asked).toEqual([0]);
  rows.show(6_990, 7_037);
  rows.show(6_991, 7_037);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual([0, 6_900, 7_000]);
  expect(rows.row(7_037)?.name).toBe("Brand 7037");
  expect(rows.row(3_000)).toBeUndefined();
});

test("a live change tints its cell and moves nothing", async () => {
  const rows = await rowsAt(0, 30);
  all[3] = { id: "i3", name: "Renamed" };
  await rows.refresh(true);
  expect(rows.row(3)?.name).toBe("Renamed");
  expect(rows.tinted.get("i3")?.has("name")).toBe(true);
  expect(rows.newer).toBeNull();
  await vi.advanceTimersByTimeAsync(TINT_MS);
  expect(rows.tinted.size).toBe(0);
});

test("newer rows are counted, not shown, until asked for", async () => {
  const rows = await rowsAt(0, 30);
  all = [...Array.from({ length: 12 }, (_, i) => ({ id: `n${i}`, name: `A${i}` })), ...all];
  await rows.refresh(true);
  expect(rows.row(0)?.id).toBe("i0");
  expect(rows.newer).toBe(12);
  await rows.reset();
  expect(rows.row(0)?.id).toBe("n0");
  expect(rows.newer).toBeNull();
});

test("a row that left its place keeps it, with its new words; a deleted one is marked", async () => {
  const rows = await rowsAt(0, 30);
  all = [...all.filter((i) => i.id !== "i5" && i.id !== "i7"), { id: "i5", name: "Zulu" }];
  await rows.refresh(true);
  expect(rows.row(5)?.name).toBe("Zulu");
  expect(rows.gone.has("i7")).toBe(true);
  expect(rows.row(7)?.id).toBe("i7");
});

test("nobody reads: the list follows", async () => {
  const rows = await rowsAt(0, 30);
  all = all.slice(10);
  await rows.refresh(false);
  expect(rows.row(0)?.id).toBe("i10");
  expect(rows.total).toBe(7_028);
});

test("a failed window says so and is asked for again", async () => {
  const rows = await rowsAt(0, 30);
  const fetch = vi.spyOn(source, "fetch").mockRejectedValueOnce(new Error("disk"));
  rows.show(200, 230);
  await vi.advanceTimersByTimeAsync(0);
  expect(rows.error?.message).toBe("disk");
  rows.show(200, 231);
  await vi.advanceTimersByTimeAsync(0);
  expect(rows.row(200)?.name).toBe("Brand 200");
  fetch.mockRestore();
});

test("an answer to an older question is dropped", async () => {
  const rows = await rowsAt(0, 30);
  let late: (page: { total: number; rows: Item[] }) => void = () => undefined;
  const slow = rows.reset({ ...source, fetch: () => new Promise((r) => (late = r)) });
  await rows.reset(source);
  late({ total: 1, rows: [{ id: "old", name: "old" }] });
  await slow;
  expect(rows.total).toBe(7_038);
});

test("a scrollbar dragged over everything asks for where it comes to rest, not for all it passes", async () => {
  const rows = await rowsAt(0, 30);
  const slow: RowSource<Item> = { ...source, fetch: async (offset, limit) => {
    await new Promise((r) => setTimeout(r, 20));
    return source.fetch(offset, limit);
  } };
  void rows.reset(slow);
  await vi.advanceTimersByTimeAsync(20);
  asked = [];
  for (let first = 0; first < 6_900; first += 100) rows.show(first, first + 30);
  rows.show(7_000, 7_030);
  await vi.advanceTimersByTimeAsync(200);
  expect(asked.length).toBeLessThan(10);
  expect(asked).toContain(7_000);
  expect(rows.row(7_010)?.name).toBe("Brand 7010");
});

test("a row is found by its key among those here", async () => {
  const rows = await rowsAt(0, 30);
  expect(rows.find("i42")?.name).toBe("Brand 42");
  expect(rows.find("i5000")).toBeUndefined();
});
