// Typed text reaches the disk within 250 ms, each draft by itself, and comes back.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { JsonValue } from "../lib/generated/rpc";
import { draftKey, drafts } from "../lib/state/drafts.svelte";
import { notices } from "../lib/state/notices.svelte";
import { refusal, scripted, type Scripted } from "./scripted";

let disk: Map<string, JsonValue>;
let host: Scripted;
const A = draftKey("brand", "id-1", "name");
const B = draftKey("brand", "id-2", "notes");

beforeEach(() => {
  vi.useFakeTimers();
  disk = new Map();
  notices.list = [];
  for (const key of Object.keys(drafts.all)) drafts.drop(key);
  host = scripted({
    "settings.get": ({ name }) => ({ name, value: disk.get(name) ?? null }),
    "settings.set": ({ name, value }) => {
      disk.set(name, JSON.parse(JSON.stringify(value)) as JsonValue);
      return {};
    },
  });
});
afterEach(async () => {
  await drafts.store();
  vi.useRealTimers();
});

test("what is typed is on disk within 250 ms, without a call for each key", async () => {
  for (const text of ["V", "Ve", "Ver"]) drafts.put(A, text, "Old");
  await vi.advanceTimersByTimeAsync(250);
  expect(disk.get("drafts")).toEqual([A]);
  expect(disk.get(`draft/${A}`)).toMatchObject({ text: "Ver", base: "Old" });
  expect(host.of("settings.set")).toHaveLength(2);
});

test("a draft that is done with leaves disk and index; the others stay", async () => {
  drafts.put(A, "one", null);
  drafts.put(B, "two", null);
  await drafts.store();
  drafts.drop(A);
  await drafts.store();
  expect(disk.get("drafts")).toEqual([B]);
  expect(disk.get(`draft/${A}`)).toBeNull();
});

test("after a restart the text is there; one typed meanwhile is newer", async () => {
  drafts.put(A, "before the crash", "Old");
  await drafts.store();
  drafts.all = {};
  await drafts.load();
  expect(drafts.get(A)).toMatchObject({ text: "before the crash", base: "Old" });
  drafts.put(A, "typed since", "Old");
  await drafts.load();
  expect(drafts.get(A)?.text).toBe("typed since");
});

test("a disk that refuses is said, and asked again with the next key", async () => {
  host.script["settings.set"] = () => {
    throw refusal("disk_full", "This disk is full.");
  };
  drafts.put(A, "one", null);
  await vi.advanceTimersByTimeAsync(200);
  expect(notices.list[0]).toMatchObject({ code: "disk_full", tone: "error" });
  host.script["settings.set"] = ({ name, value }) => {
    disk.set(name, value);
    return {};
  };
  drafts.put(B, "two", null);
  await vi.advanceTimersByTimeAsync(200);
  expect([...((disk.get("drafts") as string[]) ?? [])].sort()).toEqual([A, B].sort());
  expect(disk.get(`draft/${A}`)).toMatchObject({ text: "one" });
  expect(notices.list).toEqual([]);
});

test("names of settings stay short enough to be stored", () => {
  const longest = draftKey("treaty_dependency", "0192f3c4-1000-7002-8a2b-000000000002", "acknowledgement_deadline");
  expect(`draft/${longest}`.length).toBeLessThanOrEqual(100);
});
