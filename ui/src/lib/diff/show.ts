// Which values are worth a diff, and of which kind.

import type { FieldInfo, JsonValue } from "../generated/rpc";
import { isEmpty, sameValue } from "../format/values";

export type DiffKind = "plain" | "words" | "set";

/** Short texts are read whole: a diff of three words says less than the words. */
const WORDS_MIN = 25;

export function diffKind(field: Pick<FieldInfo, "type"> | undefined, before: JsonValue | undefined, after: JsonValue | undefined): DiffKind {
  if (sameValue(before, after)) return "plain";
  if (Array.isArray(before) || Array.isArray(after)) return "set";
  const long = (v: JsonValue | undefined) => typeof v === "string" && v.length >= WORDS_MIN;
  const text = field?.type === "text" || field?.type === "long_text";
  return text && !isEmpty(before) && !isEmpty(after) && (long(before) || long(after)) ? "words" : "plain";
}
