// The inbox in words: who stands on which side, why it waits, what a choice does.

import { plural } from "../format/numbers";
import { absolute, duration, parseInstant } from "../format/time";
import type { ConflictRow, JsonValue } from "../generated/rpc";
import type { Take } from "./decide";

/** More than this between typing and arrival is worth a word. */
const SKEW_MS = 120_000;

export interface SideHead {
  title: string;
  /** Who, where, when: one part each. */
  parts: string[];
}

const known = (parts: (string | null)[]): string[] => parts.filter((p): p is string => p !== null && p !== "");

function clockOf(at: string | null, now: number): string | null {
  const ms = parseInstant(at);
  return ms === null ? null : absolute(ms, now);
}

/** How long after typing the edit arrived, by its author's clock; null if either is unknown. */
export function gapMs(item: Pick<ConflictRow, "typed_at" | "fields">): number | null {
  const typed = parseInstant(item.typed_at);
  const arrived = parseInstant(item.fields[0]?.at);
  return typed === null || arrived === null ? null : arrived - typed;
}

/** “Your edit”: this laptop, 14:02, offline. */
export function mineHead(item: ConflictRow, now: number): SideHead {
  const first = item.fields[0];
  const at = clockOf(item.typed_at ?? first?.at ?? null, now);
  const late = (gapMs(item) ?? 0) > SKEW_MS;
  if (item.own) return { title: item.decided === "auto" ? "Your edit, which lost" : "Your edit", parts: known(["this laptop", at, late ? "offline" : null]) };
  const titles: { [decided: string]: string } = { open: "Edit that waits", auto: "The edit that lost", person: "The edit that waited" };
  return { title: titles[item.decided] ?? "Edit that waits", parts: known([first?.by ?? "somebody unknown", first?.device ?? null, at]) };
}

export function theirsHead(item: ConflictRow, now: number): SideHead {
  const titles: { [decided: string]: string } = { auto: "What stands", person: "On central then" };
  return { title: titles[item.decided] ?? "On central", parts: known([item.theirs_by ?? "author unknown", item.theirs_device, clockOf(item.theirs_at, now)]) };
}

/** What to know about the author's clock; empty if typing and arrival agree. */
export function skewSentence(item: ConflictRow, now: number): string {
  const gap = gapMs(item);
  if (gap === null || Math.abs(gap) <= SKEW_MS) return "";
  const whose = item.own ? "this laptop’s" : `${item.fields[0]?.device ?? "its author"}’s`;
  const by = duration(Math.abs(gap) / 1_000);
  if (gap < 0) return `Its time of typing, by ${whose} clock, is ${by} after it arrived: that clock was fast. The time decides nothing.`;
  const arrived = clockOf(item.fields[0]?.at ?? null, now) ?? "an unknown time";
  return `It arrived ${by} after it was typed, at ${arrived}: made offline, or ${whose} clock was slow. The time decides nothing.`;
}

/** Why the item is here, in one sentence. */
export function causeSentence(item: ConflictRow): string {
  const rule = item.rule.toLowerCase();
  if (item.kind === "change") return "The command met changes it did not know. Nothing of it took effect.";
  if (item.kind === "record") return recordSentence(item, rule);
  switch (rule) {
    case "protected":
      return "This field is never merged by itself: central’s value stands until somebody decides.";
    case "latest":
      return item.decided === "auto" ? "The later edit won: their times do not overlap." : "Nobody can prove which edit is newer: their times overlap.";
    case "authority":
      return item.decided === "auto" ? "The edit with the higher authority won." : "Both edits carry the same authority, and their times overlap.";
    case "transition":
      return "The step is not allowed from the state that stands now.";
    case "text":
      return "Both texts were joined; look whether they still read as one.";
    case "set":
      return "One added what the other took out.";
    case "max":
    case "min":
      return "The value only moves one way; the edit that lost would have moved it back.";
    case "superseded":
      return "A later edit, made knowing both, settled it.";
    case "stale":
      return "A decision arrived after the field had moved. Its choice is kept here beside what holds now; choose again.";
    default:
      return item.decided === "auto" ? `A rule decided it: ${item.rule}.` : `It waits for a decision: ${item.rule}.`;
  }
}

function recordSentence(item: ConflictRow, rule: string): string {
  if (item.decided === "auto") return "One deleted the record, another edited it. The edit won: the record is here, the delete is kept as this decision.";
  if (item.delete) return "Somebody deleted the record without knowing the edit that stands on central. The record stays until somebody decides.";
  return rule === "committed stands" ? "The record was deleted on central; this edit did not know that. The record stays deleted until somebody decides." : "One deleted the record, another edited it.";
}

export interface Group {
  key: string;
  label: string;
  items: ConflictRow[];
}

export type GroupBy = "cause" | "kind" | "author";

export const GROUPINGS: readonly { by: GroupBy; label: string }[] = [
  { by: "cause", label: "Cause" },
  { by: "kind", label: "Kind of record" },
  { by: "author", label: "Author" },
];

/** The cause as a heading over its items. */
export function causeLabel(item: ConflictRow): string {
  if (item.kind === "change") return "Whole commands that wait";
  if (item.kind === "record") return "Delete against edit";
  const labels: { [rule: string]: string } = {
    protected: "Never merged by itself",
    latest: item.decided === "auto" ? "The later edit won" : "Edited at the same time",
    authority: "Authority",
    transition: "Steps not allowed",
    set: "Sets",
    text: "Texts",
    superseded: "Settled by a later edit",
    stale: "Decided, then moved",
  };
  return labels[item.rule.toLowerCase()] ?? item.rule;
}

/** Items under their headings; the oldest first, so that what arrives stands last and nothing moves. */
export function grouped(items: readonly ConflictRow[], by: GroupBy, kindLabel: (collection: string) => string): Group[] {
  const label = (item: ConflictRow) =>
    by === "cause" ? causeLabel(item) : by === "kind" ? kindLabel(item.collection) : item.own ? "This laptop" : (item.fields[0]?.by ?? "Somebody unknown");
  const found = new Map<string, ConflictRow[]>();
  for (const item of items.toSorted((a, b) => a.seq - b.seq || (a.id < b.id ? -1 : 1))) {
    const key = label(item);
    found.set(key, [...(found.get(key) ?? []), item]);
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b)).map(([key, list]) => ({ key, label: key, items: list }));
}

/** The fields of an item in a few words. */
export function fieldWords(item: ConflictRow, labelOf: (field: string) => string): string {
  if (item.kind === "change") return "Whole command";
  if (item.kind === "record") return item.delete ? "Delete against edit" : "Edit of a deleted record";
  const [first, second, ...rest] = item.fields.map((f) => labelOf(f.name));
  if (!second) return first ?? "Record";
  return rest.length === 0 ? `${first}, ${second}` : `${first}, ${second} and ${plural(rest.length, "more", "more")}`;
}

/** Names of the choices, on buttons. */
export function takeWords(item: ConflictRow, take: Take): string {
  if (item.kind === "change") return take === "mine" ? "Carry it out" : "Leave it undone";
  if (item.kind === "record") {
    if (item.delete) return take === "mine" ? "Delete the record" : "Keep the record";
    return take === "mine" ? "Restore with the edit" : "Leave it deleted";
  }
  const words: { [take in Take]: string } = { mine: item.own ? "Take mine" : "Take this edit", theirs: item.decided === "auto" ? "Keep what stands" : "Take central’s", base: "Take before", both: "Take both" };
  return words[take];
}

/** What a choice for the whole record or command will do. */
export function outcomeSentence(item: ConflictRow, take: Take): string {
  if (item.kind === "change") return take === "mine" ? "The command is carried out on the record as it is now, if it still may." : "The command is dropped. The record stays as it is.";
  if (item.delete) return take === "mine" ? "The record is deleted, with the edits that stand on central." : "The record stays, with the edits that stand on central.";
  return take === "mine" ? "The record comes back, with this edit." : "The record stays deleted; this edit is kept only here and in the history.";
}

/** What became of a bulk decision. */
export function bulkSentence(done: number, failed: number): string {
  const settled = `${plural(done, "item", "items")} settled`;
  return failed === 0 ? settled : `${settled}, ${plural(failed, "item was", "items were")} not`;
}

/** A decision that is settled: by whom, when. */
export function settledSentence(item: ConflictRow, now: number, show: (field: string, value: JsonValue) => string): string {
  if (item.rule === "superseded") return "";
  const who = known([item.settled_by ?? (item.decided === "person" ? "Somebody" : null), item.settled_at ? `at ${clockOf(item.settled_at, now)}` : null]).join(", ");
  if (item.kind !== "field") return who === "" ? "" : `Settled by ${who}.`;
  const values = item.fields.map((f) => `“${show(f.name, f.settled)}”`).join(", ");
  return who === "" ? "" : `Settled by ${who}: ${values} holds since.`;
}

export const UNDO_DAYS = 30;

/** Decisions may be taken back for 30 days. */
export function tooOld(item: ConflictRow, now: number): boolean {
  const at = parseInstant(item.settled_at ?? item.fields[0]?.at);
  return item.decided !== "open" && at !== null && now - at > UNDO_DAYS * 86_400_000;
}
