// Lists of records: which columns, which filters, and where their windows come from.

import type { CollectionInfo, FieldInfo, ListArgs, RowView } from "../generated/rpc";
import type { GridColumn } from "../../parts/grid";
import { isNumeric, sameValue, unit } from "../format/values";
import { rpc, RpcError } from "../host";
import type { RowSource } from "./rows.svelte";

/** Columns shown before the operator chooses, beyond the title. */
const DEFAULT_COLUMNS = 8;
/** A link is offered as a filter when its target is one of these small collections. */
const SMALL_TARGETS: readonly string[] = ["sector", "treaty", "payroll_sector", "app"];

/** A title grows to this width. */
const TITLE_GROW = 420;

const WIDTHS: Readonly<{ [type: string]: number }> = {
  int: 96,
  money: 116,
  decimal: 104,
  bool: 84,
  time: 144,
  enum: 116,
  enum_set: 180,
  text_set: 160,
  ref: 176,
  ref_set: 176,
  text: 150,
  long_text: 260,
};

/** The field names shown, title first. */
export function shownColumns(info: CollectionInfo, chosen: readonly string[] | undefined, hidden: readonly string[]): string[] {
  const rest = ordered(info).filter((f) => f.name !== info.title && !hidden.includes(f.name));
  const names = chosen
    ? rest.filter((f) => chosen.includes(f.name))
    : rest.filter((f) => f.type !== "long_text" && !isAside(f)).slice(0, DEFAULT_COLUMNS);
  return [info.title, ...names.map((f) => f.name)];
}

/** What an operator looks for first stands first: the state, then the kind of thing; the rest as the model orders it. */
const FIRST: readonly string[] = ["status", "approval", "mode", "bound", "type", "kind", "tier", "sector"];

function ordered(info: CollectionInfo): FieldInfo[] {
  const place = (f: FieldInfo) => (FIRST.includes(f.name) ? FIRST.indexOf(f.name) : FIRST.length);
  return info.fields.toSorted((a, b) => place(a) - place(b));
}

/** Fields that a first look does without: marks, positions, texts of machines. */
function isAside(field: FieldInfo): boolean {
  return ["icon", "position", "duplicate_name", "output_hash", "origin"].includes(field.name);
}

export function gridColumns(info: CollectionInfo, names: readonly string[]): GridColumn[] {
  return names.flatMap((name) => {
    const field = info.fields.find((f) => f.name === name);
    if (!field) return [];
    const title = name === info.title;
    return [{
      id: name,
      label: field.label,
      unit: unit(field),
      width: title ? 260 : headerWidth(field),
      ...(title ? { grow: TITLE_GROW } : {}),
      right: isNumeric(field),
      sortable: !["enum_set", "text_set", "ref_set", "long_text"].includes(field.type),
      mono: name.endsWith("_id") || name.endsWith("_hash"),
      declared: field.declared,
    }];
  });
}

/** Wide enough for the type's values and for the header's words. */
function headerWidth(field: FieldInfo): number {
  const words = `${field.label}${unit(field) ? `, ${unit(field)}` : ""}`;
  return Math.max(WIDTHS[field.type] ?? 140, Math.min(220, 36 + words.length * 6.4));
}

/** Fields offered as filter chips. One that is set, by a link perhaps, is always shown: it can be taken off. */
export function filterFields(info: CollectionInfo, fixed: readonly string[], set: readonly string[]): FieldInfo[] {
  return ordered(info).filter((f) => {
    if (set.includes(f.name)) return true;
    if (fixed.includes(f.name) || f.declared || isAside(f)) return false;
    if (f.type === "enum" || f.type === "bool") return true;
    return f.type === "ref" && SMALL_TARGETS.includes(f.target ?? "");
  });
}

/** Filters in an address: `f.status=Growing`. */
export function readFilters(params: Readonly<{ [key: string]: string }>): { [field: string]: string } {
  const pairs = Object.entries(params).filter(([key, value]) => key.startsWith("f.") && value !== "");
  return Object.fromEntries(pairs.map(([key, value]) => [key.slice(2), value]));
}

export type Query = Omit<ListArgs, "offset" | "limit">;

export function recordSource(query: Query): RowSource<RowView> {
  const { collection } = query;
  return {
    fetch: (offset, limit) => rpc("list", { ...query, offset, limit }),
    key: (row) => row.id,
    diff: (a, b) => changedFields(a, b),
    one: (id) => oneRow(collection, id),
  };
}

function changedFields(a: RowView, b: RowView): string[] {
  const names = new Set([...Object.keys(a.values), ...Object.keys(b.values)]);
  return [...names].filter((name) => !sameValue(a.values[name], b.values[name]));
}

/** One record as a row, when it has left the window; null if it is gone. */
async function oneRow(collection: string, id: string): Promise<RowView | null> {
  try {
    const record = await rpc("get", { collection, id });
    return {
      id: record.id,
      key: record.key,
      values: Object.fromEntries(record.fields.map((f) => [f.name, f.value])),
      titles: Object.fromEntries(record.fields.flatMap((f) => (f.title === null ? [] : [[f.name, f.title]]))),
      state: record.state,
      pending: record.fields.filter((f) => f.state === "pending" || f.state === "sending").map((f) => f.name),
    };
  } catch (raw) {
    if (raw instanceof RpcError && raw.code === "not_found") return null;
    throw raw;
  }
}
