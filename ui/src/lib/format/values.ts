// Field values as text: what is shown, what an editor starts with, and how typed text is read back.

import type { FieldInfo, JsonValue } from "../generated/rpc";
import { decimal, dollars } from "./numbers";
import { localStamp, parseStamp, recorded } from "./time";

export const EMPTY = "—";

export function isEmpty(value: JsonValue | undefined): boolean {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

export function sameValue(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (isEmpty(a) && isEmpty(b)) return true;
  return JSON.stringify(a) === JSON.stringify(b);
}

export function isNumeric(field: Pick<FieldInfo, "type">): boolean {
  return field.type === "int" || field.type === "money" || field.type === "decimal";
}

/** Shown text. `title` is the linked record's, where the value is a link. */
export function show(field: FieldInfo | undefined, value: JsonValue | undefined, title?: string | null): string {
  if (isEmpty(value)) return EMPTY;
  if (title) return title;
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (typeof value === "number" && field) {
    if (field.type === "money") return dollars(value);
    if (field.type === "decimal") return decimal(value, field.scale);
    if (field.type === "time") return recorded(value);
    return value.toLocaleString("en-US");
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/** The text an editor starts with. */
export function editText(field: FieldInfo, value: JsonValue): string {
  if (isEmpty(value)) return "";
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (field.type === "time" && typeof value === "number") return localStamp(value);
  if ((field.type === "money" || field.type === "decimal") && typeof value === "number") return value.toFixed(field.scale);
  return String(value);
}

export type Parsed = { ok: true; value: JsonValue } | { ok: false; message: string };

const good = (value: JsonValue): Parsed => ({ ok: true, value });
const bad = (message: string): Parsed => ({ ok: false, message });

/** Reads typed text. The Rust side checks again; this only answers at once. */
export function parseTyped(field: FieldInfo, text: string): Parsed {
  const typed = field.type === "long_text" ? text : text.trim();
  if (typed === "") return field.required ? bad(`${field.label} needs a value.`) : good(null);
  switch (field.type) {
    case "int":
      return number(field, typed, 0);
    case "money":
      return number(field, typed.replace(/^\$\s*/, ""), 2);
    case "decimal":
      return number(field, typed.replace(/\s*%$/, ""), field.scale);
    case "time": {
      const at = parseStamp(typed);
      return at === null ? bad("Write a time as 2026-03-01 14:02.") : good(at);
    }
    case "bool":
      return good(typed === "true" || typed === "yes");
    case "enum_set":
    case "text_set":
    case "ref_set":
      return good([...new Set(typed.split(/[,;]/).map((s) => s.trim()).filter((s) => s !== ""))].sort());
    default:
      return good(typed);
  }
}

function number(field: FieldInfo, typed: string, scale: number): Parsed {
  const plain = typed.replace(/[, _]/g, "");
  const shape = scale === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+(\\.\\d{1,${scale}})?$`);
  if (!shape.test(plain)) {
    const places = scale === 0 ? "a whole number" : `a number with at most ${scale} decimal places`;
    return bad(`${field.label} takes ${places}.`);
  }
  const value = Number(plain);
  return Number.isSafeInteger(Math.trunc(value)) ? good(value) : bad(`${field.label}: the number is too large.`);
}

/** Unit shown in a column's header. */
export function unit(field: FieldInfo): string {
  return field.type === "money" ? "US$" : "";
}
