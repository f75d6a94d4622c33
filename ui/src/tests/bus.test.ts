// What the host pushes: folded to one hand-over a frame, nothing lost.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { UiEvent } from "../lib/generated/rpc";
import { fold, onChanged, publish, publishNow, subscribe, throttled } from "../lib/state/bus";
import { status } from "./scripted";

const changed = (ids: string[], more: Partial<Extract<UiEvent, { event: "changed" }>> = {}): UiEvent => ({
  event: "changed", collections: { brand: { all: false, ids } }, seq: 1, local: false, ...more,
});
const foldAll = (...events: UiEvent[]) => events.reduce<UiEvent[]>((all, e) => fold(all, e), []);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a burst of commits is handed on once", async () => {
  const got: UiEvent[] = [];
  const stop = subscribe((e) => got.push(e));
  for (let i = 0; i < 1_000; i += 1) publish(changed([`i${i % 300}`], { seq: i }));
  for (let n = 0; n < 50; n += 1) publish({ event: "queue", queued: n });
  expect(got).toEqual([]);
  await vi.advanceTimersByTimeAsync(300);
  stop();
  expect(got.map((e) => e.event)).toEqual(["changed", "queue"]);
  const [first, last] = got;
  expect(first?.event === "changed" && first.collections.brand?.ids.length).toBe(300);
  expect(first?.event === "changed" && first.seq).toBe(999);
  expect(last).toEqual({ event: "queue", queued: 49 });
});

test("changes join by id; too many are all; own and others’ stay apart", () => {
  const [both] = foldAll(changed(["a", "b"]), changed(["b", "c"], { seq: null }));
  expect(both).toEqual(changed(["a", "b", "c"]));
  expect(foldAll(changed(["a"]), changed(["b"], { local: true }))).toHaveLength(2);
  const many = Array.from({ length: 400 }, (_, i) => `x${i}`);
  const [all] = foldAll(changed(many), changed(many.map((id) => `y${id}`)));
  expect(all).toEqual(changed([], { collections: { brand: { all: true, ids: [] } } }));
  const [apart] = foldAll(changed(["a"]), changed([], { collections: { treaty: { all: true, ids: [] } } }));
  expect(apart).toMatchObject({ collections: { brand: { ids: ["a"] }, treaty: { all: true } } });
});

test("the newest status stands, no notice is lost", () => {
  const told = (code: string): UiEvent => ({ event: "notice", code, message: code });
  const events = foldAll({ event: "status", status: status({ state: "sending" }) }, told("a"), told("b"), { event: "status", status: status({ state: "in_sync" }) });
  expect(events.map((e) => e.event)).toEqual(["status", "notice", "notice"]);
  expect(events[0]).toMatchObject({ status: { state: "in_sync" } });
});

test("a subscriber of one collection hears of that one", () => {
  const heard: string[][] = [];
  const stop = onChanged("brand", (ids) => heard.push(ids.ids));
  publishNow(changed(["a"]));
  publishNow(changed([], { collections: { treaty: { all: true, ids: [] } } }));
  stop();
  publishNow(changed(["b"]));
  expect(heard).toEqual([["a"]]);
});

test("throttled work runs at once, then once at the end", async () => {
  const work = vi.fn();
  const run = throttled(100, work);
  for (let i = 0; i < 10; i += 1) run();
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(250);
  expect(work).toHaveBeenCalledTimes(2);
  run();
  run();
  run.cancel();
  await vi.advanceTimersByTimeAsync(250);
  expect(work).toHaveBeenCalledTimes(3);
});
