import { expect, test } from "vitest";
import { EVIDENCE_MAX_MS, viewOf } from "../lib/state/sync.svelte";
import { syncWord } from "../lib/words";
import { status } from "./scripted";

const now = Date.UTC(2026, 2, 1, 14, 2);
const up = { up: true, since: 0 };
const at = (ms: number) => new Date(now - ms).toISOString();

test("green needs fresh evidence", () => {
  expect(viewOf(status({ evidence_at: at(1_000) }), up, now).tone).toBe("ok");
  const stale = viewOf(status({ evidence_at: at(EVIDENCE_MAX_MS + 1) }), up, now);
  expect([stale.state, stale.tone]).toEqual(["unknown", "unknown"]);
  expect(stale.sentence).toContain("No fresh answer since");
  expect(viewOf(status({ evidence_at: null }), up, now).tone).toBe("unknown");
});

test("a lost app is never green, and says what is safe", () => {
  const view = viewOf(status({ evidence_at: at(0) }), { up: false, since: now - 60_000 }, now);
  expect(view.tone).toBe("unknown");
  expect(view.sentence).toContain("safe");
});

test("other states keep their words however old the evidence is", () => {
  const view = viewOf(status({ state: "offline", sentence: "This laptop has no network.", evidence_at: at(9e7), queued: 4 }), up, now);
  expect([view.state, view.sentence, view.waiting]).toEqual(["offline", "This laptop has no network.", 4]);
});

test("a state this version does not know is unknown", () => {
  expect(syncWord("brand_new").tone).toBe("unknown");
});

test("every state of the guide has a word; only one is green", () => {
  const states = "recovery disk_full locked device_removed history_rewritten signed_out update_required paused offline central_unreachable unknown catching_up sending needs_attention in_sync".split(" ");
  expect(states.filter((s) => s !== "unknown" && syncWord(s).word === "Unknown")).toEqual([]);
  expect(states.filter((s) => syncWord(s).tone === "ok")).toEqual(["in_sync"]);
});
