// What may be chosen, what it makes of the record, how it is told to Rust, and the words around it.
import { beforeEach, describe, expect, test } from "vitest";
import { roots } from "../lib/conflicts/attention";
import { movedFields, refusal, resolveArgs, resultOf, uniform } from "../lib/conflicts/decide";
import { causeSentence, grouped, mineHead, outcomeSentence, skewSentence, takeWords, tooOld } from "../lib/conflicts/words";
import type { QueueRow } from "../lib/generated/rpc";
import { BRAND, field, item, side, useModel } from "./scripted";

const NOW = Date.parse("2026-03-01T15:00:00Z");
const TAGS = field("tags", "text_set", { policy: "set" });
const NOTES = field("notes", "long_text");
const REVIEWS = field("reviews", "int", { policy: "counter" });
const info = (name: string) => [...BRAND.fields, TAGS, REVIEWS].find((f) => f.name === name);

beforeEach(() => useModel(BRAND));

describe("choices", () => {
  test("both sides are taken only where the type allows it, and the reason is said elsewhere", () => {
    const status = side("status", { base: "Active", mine: "Growing", theirs: "Stable" });
    expect(refusal(item(1, [status]), status, info("status"), "both")).toContain("Edit the result");
    const notes = side("notes", { type: "long_text", base: "a", mine: "b", theirs: "c" });
    expect(refusal(item(1, [notes]), notes, NOTES, "both")).toBe("");
    const tags = side("tags", { type: "text_set", base: ["a"], mine: ["a", "b"], theirs: ["a", "c"] });
    expect(refusal(item(1, [tags]), tags, TAGS, "both")).toBe("");
    expect(refusal(item(1, [tags], { can_resolve: false }), tags, TAGS, "mine")).not.toBe("");
  });

  test("a record or a command has two ways only", () => {
    for (const kind of ["record", "change"]) {
      const whole = item(1, [side("*")], { kind, own: true });
      const first = whole.fields[0] ?? side("*");
      expect(["mine", "theirs"].map((t) => refusal(whole, first, undefined, t as "mine"))).toEqual(["", ""]);
      expect(refusal(whole, first, undefined, "base")).not.toBe("");
      expect(refusal(whole, first, undefined, "both")).not.toBe("");
    }
  });

  test("a command is sent again only from the laptop that made it", () => {
    const whole = item(1, [side("*")], { kind: "change", own: false });
    expect(refusal(whole, side("*"), undefined, "mine")).toContain("laptop that made");
    expect(refusal(whole, side("*"), undefined, "theirs")).toBe("");
  });

  test("one member of a set is in or out: no other choice could be shown truly", () => {
    const member = side("tags", { type: "text_set", mine: null, theirs: ["EU"] });
    const lost = item(1, [member], { decided: "auto", rule: "Set" });
    expect(["mine", "theirs", "base", "both"].map((t) => refusal(lost, member, TAGS, t as "mine") === "")).toEqual([true, true, false, false]);
  });

  test("both: sets join, counts add up, texts merge and say where they clash", () => {
    const both = { take: "both" } as const;
    expect(resultOf(side("tags", { type: "text_set", base: ["a"], mine: ["b"], theirs: ["a", "c"] }), TAGS, both).value).toEqual(["c", "b"]);
    expect(resultOf(side("reviews", { type: "int", base: 10, mine: 12, theirs: 15 }), REVIEWS, both).value).toBe(17);
    expect(resultOf(side("notes", { base: "one two", mine: "one 2", theirs: "1 two" }), NOTES, both)).toEqual({ value: "1 2", clash: false });
    expect(resultOf(side("notes", { base: "one two", mine: "one 2", theirs: "one II" }), NOTES, both)).toEqual({ value: "one II 2", clash: true });
  });

  test("a plain side is told by its name, a mixed or joined result by the values that were shown", () => {
    const fees = item(1, [side("employees", { base: 1, mine: 2, theirs: 3 }), side("status", { base: "Active", mine: "Growing", theirs: "Stable" })]);
    const mine = { employees: { take: "mine" }, status: { take: "mine" } } as const;
    expect(resolveArgs(fees, 101, mine, info)).toEqual({ id: "item-1", take: "mine", field: null, values: {}, seq: 101 });
    expect(resolveArgs(fees, 101, { ...mine, status: { take: "theirs" } }, info)).toEqual({ id: "item-1", take: "values", field: null, values: { employees: 2, status: "Stable" }, seq: 101 });
    expect(resolveArgs(fees, 101, { ...mine, employees: { value: 7 } }, info).values).toEqual({ employees: 7, status: "Growing" });
    const notes = item(3, [side("notes", { type: "long_text", base: "one two", mine: "one 2", theirs: "1 two" })]);
    expect(resolveArgs(notes, 103, { notes: { take: "both" } }, info)).toMatchObject({ take: "values", values: { notes: "1 2" } });
    const later = item(2, [side("status", { mine: "Growing", theirs: "Stable", also: [{ value: "Active", by: null, device: null, at: null }] })]);
    expect(resolveArgs(later, 102, { status: { also: 0 } }, info)).toMatchObject({ take: "values", values: { status: "Active" } });
    expect(uniform(later, { status: { also: 0 } })).toBeNull();
  });

  test("what changed under the eyes is named, what did not is not", () => {
    const before = item(1, [side("status", { theirs: "Stable" }), side("employees", { theirs: 3 })]);
    const now = item(1, [side("status", { theirs: "Active" }), side("employees", { theirs: 3 })], { seq: 200 });
    expect(movedFields(before, now).map((f) => f.name)).toEqual(["status"]);
    expect(movedFields(before, { ...before, seq: 200 })).toEqual([]);
  });
});

describe("words", () => {
  test("the heads carry the names and times of the item", () => {
    const own = item(1, [side("status")], { own: true, typed_at: "2026-03-01T14:02:00Z" });
    const head = mineHead(own, NOW);
    expect(head.title).toBe("Your edit");
    expect(head.parts[0]).toBe("this laptop");
    expect(head.parts).toContain("offline");
    const other = mineHead(item(1, [side("status")]), NOW);
    expect(other.title).toBe("Edit that waits");
    expect(other.parts.slice(0, 2)).toEqual(["Mara Ito", "field-7"]);
    expect(other.parts).not.toContain("offline");
  });

  test("a clock is named from two minutes on, with its direction", () => {
    const at = (typed: string) => skewSentence(item(1, [side("status")], { typed_at: typed }), NOW);
    expect(at("2026-03-01T14:18:00Z")).toBe("");
    expect(at("2026-03-01T14:17:59Z")).toContain("arrived 2 min after it was typed");
    expect(at("2026-03-01T14:30:00Z")).toContain("clock was fast");
    expect(skewSentence(item(1, [side("status")], { typed_at: null }), NOW)).toBe("");
  });

  test("each rule that keeps an item has a sentence of its own", () => {
    const said = ["Protected", "Latest", "Authority", "Transition", "Text", "Set", "Max", "superseded", "stale", "something new"].map((rule) => causeSentence(item(1, [], { rule })));
    expect(new Set(said).size).toBe(said.length);
    expect(said.at(-1)).toContain("something new");
  });

  test("delete against edit says what happens to the record", () => {
    const gone = item(1, [side("*")], { kind: "record", delete: true });
    expect([takeWords(gone, "mine"), takeWords(gone, "theirs")]).toEqual(["Delete the record", "Keep the record"]);
    const back = item(1, [side("name")], { kind: "record", delete: false });
    expect([takeWords(back, "mine"), takeWords(back, "theirs")]).toEqual(["Restore with the edit", "Leave it deleted"]);
    expect(outcomeSentence(back, "mine")).toContain("comes back");
  });

  test("grouping: by cause, kind and author; the oldest first, so that arrivals stand last", () => {
    const items = [item(3, [side("status")]), item(1, [side("status")]), item(2, [side("revenue")], { rule: "Protected" })];
    expect(grouped(items, "cause", (c) => c).map((g) => [g.label, g.items.map((i) => i.id)])).toEqual([["Edited at the same time", ["item-1", "item-3"]], ["Never merged by itself", ["item-2"]]]);
    expect(grouped(items, "kind", () => "Brands").map((g) => g.label)).toEqual(["Brands"]);
    expect(grouped([item(1, [side("status")], { own: true }), items[0] ?? item(9, [])], "author", (c) => c).map((g) => g.label)).toEqual(["Mara Ito", "This laptop"]);
  });

  test("decisions can be chosen again for 30 days", () => {
    const settled = (at: string) => item(1, [side("status")], { decided: "person", settled_at: at });
    expect(tooOld(settled("2026-02-01T00:00:00Z"), NOW)).toBe(false);
    expect(tooOld(settled("2026-01-28T00:00:00Z"), NOW)).toBe(true);
    expect(tooOld(item(1, [side("status", { at: "2025-01-01T00:00:00Z" })]), NOW)).toBe(false);
  });
});

test("held changes with one root are one line", () => {
  const row = (change: string, state: string, message: string, saved_at: string): QueueRow => ({
    change, state, priority: 2, collection: "brand", record: "id-1", title: "Brand", summary: "Change", fields: [], saved_at, attempts: 1, next_attempt: null,
    error: { code: state, message, retryable: false, trace_id: "" }, group: null, can_edit: true, can_discard: true,
  });
  const lines = roots([row("a", "held", "waits for X", "1"), row("b", "held", "waits for X", "2"), row("c", "held", "waits for Y", "3"), row("d", "rejected", "waits for X", "4"), row("e", "rejected", "waits for X", "5")]);
  expect(lines.map((l) => [l.row.change, l.waiting])).toEqual([["e", 0], ["d", 0], ["c", 0], ["b", 1]]);
});
