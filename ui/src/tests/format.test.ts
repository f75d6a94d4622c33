import { describe, expect, test } from "vitest";
import { bytes, count, milliseconds, percent } from "../lib/format/numbers";
import { ago, duration, localStamp, parseStamp, recorded } from "../lib/format/time";
import { editText, parseTyped, sameValue, show } from "../lib/format/values";
import { difference } from "../lib/format/difference";
import { field } from "./scripted";

describe("numbers", () => {
  test("unknown is a word, never zero", () => {
    for (const f of [count, bytes, milliseconds, percent]) {
      expect(f(null)).toBe("unknown");
      expect(f(0)).not.toBe("unknown");
    }
  });
  test("almost all is not all", () => {
    expect(percent(0.999999)).toBe("99.99 %");
    expect(percent(1)).toBe("100 %");
    expect(percent(1.5)).toBe("150.00 %");
  });
  test("bytes change their unit, not their meaning", () => {
    expect([999, 1_000, 48_211, 9_312_455].map(bytes)).toEqual(["999 B", "1.00 kB", "48.2 kB", "9.31 MB"]);
  });
  test("a difference carries its sign", () => {
    expect([difference(5, 3), difference(3, 5), difference(3, 3), difference(3, null)]).toEqual(["+2", "−2", "0", "unknown"]);
  });
});

describe("times", () => {
  const now = new Date(2026, 2, 1, 14, 2).getTime();
  test("relative up to an hour, then the clock", () => {
    expect(ago(now - 1_000, now)).toBe("just now");
    expect(ago(now - 59_000, now)).toBe("59 s ago");
    expect(ago(now - 59 * 60_000, now)).toBe("59 min ago");
    expect(ago(now - 60 * 60_000, now)).toBe("13:02");
  });
  test("a recorded time has its year, and its clock unless it is a plain day", () => {
    expect(recorded(new Date(2026, 9, 8).getTime())).toBe("8 Oct 2026");
    expect(recorded(new Date(2024, 2, 5, 14, 2).getTime())).toBe("5 Mar 2024 14:02");
  });
  test("durations", () => {
    expect([0.2, 59, 61, 7_800, 200_000].map(duration)).toEqual(["under 1 s", "59 s", "1 min", "2 h 10 min", "2 d"]);
  });
  test("a typed time comes back as typed", () => {
    expect(localStamp(parseStamp("2026-03-01 14:02") ?? 0)).toBe("2026-03-01 14:02");
    expect([parseStamp("2026-02-30"), parseStamp("2026-03-01 25:00"), parseStamp("soon")]).toEqual([null, null, null]);
  });
});

describe("values", () => {
  test("typed text is read exactly or refused", () => {
    expect(parseTyped(field("revenue", "money"), "$ 1,290.50")).toEqual({ ok: true, value: 1290.5 });
    expect(parseTyped(field("revenue", "money"), "1.005").ok).toBe(false);
    expect(parseTyped(field("employees", "int"), "12.5").ok).toBe(false);
    expect(parseTyped(field("employees", "int"), "")).toEqual({ ok: true, value: null });
    expect(parseTyped(field("name", "text", { required: true }), "  ").ok).toBe(false);
    expect(parseTyped(field("tags", "text_set"), "b, a; b")).toEqual({ ok: true, value: ["a", "b"] });
  });
  test("an editor starts with what it can read back", () => {
    const money = field("revenue", "money");
    expect(parseTyped(money, editText(money, 1290.5))).toEqual({ ok: true, value: 1290.5 });
    expect(show(money, 1290.5)).toBe("1,290.50");
  });
  test("no value is one value", () => {
    expect(sameValue(null, [])).toBe(true);
    expect(sameValue(0, null)).toBe(false);
  });
});
