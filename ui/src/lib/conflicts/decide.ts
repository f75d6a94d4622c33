// What an operator may choose for an item, what each choice would make of the record, and how it is told to Rust.

import { diffSets, listOf, mergeSets, mergeTexts } from "../diff/merge";
import { sameValue } from "../format/values";
import type { ConflictField, ConflictRow, FieldInfo, JsonValue, ResolveArgs } from "../generated/rpc";

export type Take = "mine" | "theirs" | "base" | "both";

/** A choice for one field: a side, a later edit that waits too, or a value written by hand. */
export type Pick = { take: Take } | { also: number } | { value: JsonValue };

export type Picks = Readonly<{ [field: string]: Pick }>;

export const TAKES: readonly Take[] = ["mine", "theirs", "base", "both"];

const SETS: readonly string[] = ["text_set", "enum_set", "ref_set"];
const LONG = "long_text";

export function isSet(type: string): boolean {
  return SETS.includes(type);
}

/** A decision made on this laptop is on its way to central: until it is answered there is nothing to choose. */
export function onItsWay(item: ConflictRow): boolean {
  return !item.can_resolve && item.collection !== "";
}

/** What met is one member of a set, added here and taken out there: its sides are members, not whole sets. */
export function isMember(item: ConflictRow, field: ConflictField): boolean {
  return item.rule === "Set" && isSet(field.type);
}

/** Why a side cannot be taken; empty if it can. */
export function refusal(item: ConflictRow, field: ConflictField, info: FieldInfo | undefined, take: Take): string {
  if (!item.can_resolve) return onItsWay(item) ? "Your decision is on its way to central." : "This version of the app does not know its kind of record.";
  if (item.kind === "change" && take === "mine" && !item.own) return "Only the laptop that made this change can send it again.";
  if (isMember(item, field) && (take === "base" || take === "both")) return "It is either in the set or not. Take one side.";
  if (item.kind !== "field") {
    if (take === "base") return item.kind === "change" ? "A command has no earlier value. Take one side." : "A record has no value before both. Take one side.";
    return take === "both" ? "One of the two must stand." : "";
  }
  if (take !== "both") return "";
  if (isSet(field.type)) return bothAdds(field) ? "" : "Both together are the same as central’s value.";
  if (info?.policy === "counter") return numbers(field) ? "" : "Only where all three values are numbers.";
  if (field.type === LONG || (field.type === "text" && info?.policy === "text")) return "";
  return "Only sets, long texts and counts can take both. Edit the result instead.";
}

function bothAdds(field: ConflictField): boolean {
  const { added, gone } = diffSets(field.theirs, mergeSets(field.base, field.mine, field.theirs));
  return added.length + gone.length > 0;
}

function numbers(field: ConflictField): boolean {
  return [field.mine, field.theirs].every((v) => typeof v === "number") && (field.base === null || typeof field.base === "number");
}

export interface Result {
  value: JsonValue;
  /** Both sides changed the same words: the joined text wants an eye. */
  clash: boolean;
}

/** What the field will hold. */
export function resultOf(field: ConflictField, info: FieldInfo | undefined, pick: Pick): Result {
  if ("value" in pick) return { value: pick.value, clash: false };
  if ("also" in pick) return { value: field.also[pick.also]?.value ?? null, clash: false };
  if (pick.take !== "both") return { value: field[pick.take], clash: false };
  if (isSet(field.type)) return { value: mergeSets(field.base, field.mine, field.theirs), clash: false };
  if (info?.policy === "counter") return { value: Number(field.theirs) + Number(field.mine) - Number(field.base ?? 0), clash: false };
  const { text, clash } = mergeTexts(textOf(field.base), textOf(field.mine), textOf(field.theirs));
  return { value: text, clash };
}

function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : listOf(value).map(String).join(", ");
}

/** The fields that still want a choice. */
export function unpicked(item: ConflictRow, picks: Picks): ConflictField[] {
  return item.fields.filter((f) => !picks[f.name]);
}

/** The one side chosen for all fields, if there is one. */
export function uniform(item: ConflictRow, picks: Picks): Take | null {
  const [first, ...rest] = item.fields.map((f) => picks[f.name]);
  if (!first || !("take" in first)) return null;
  return rest.every((p) => p && "take" in p && p.take === first.take) ? first.take : null;
}

/** The call. `seen`: the item's seq as the operator saw it. What the preview shows is what is sent: a joined or mixed result goes as values, a plain side by its name. */
export function resolveArgs(item: ConflictRow, seen: number, picks: Picks, infoOf: (field: string) => FieldInfo | undefined): ResolveArgs {
  const take = uniform(item, picks);
  if (take && take !== "both") return { id: item.id, take, field: null, values: {}, seq: seen };
  const values: { [field: string]: JsonValue } = {};
  for (const field of item.fields) {
    const pick = picks[field.name];
    if (pick) values[field.name] = resultOf(field, infoOf(field.name), pick).value;
  }
  return { id: item.id, take: "values", field: null, values, seq: seen };
}

/** Whether the sides differ now from what they were when the operator began to choose. */
export function movedFields(before: ConflictRow, now: ConflictRow): ConflictField[] {
  return now.fields.filter((field) => {
    const old = before.fields.find((f) => f.name === field.name);
    if (!old) return true;
    return !sameValue(old.theirs, field.theirs) || !sameValue(old.mine, field.mine) || old.also.length !== field.also.length;
  });
}
