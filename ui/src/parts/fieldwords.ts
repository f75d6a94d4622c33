// What a field's state and policy mean, in words.

import type { FieldInfo, FieldView } from "../lib/generated/rpc";
import { absolute, parseInstant } from "../lib/format/time";
import { isEmpty, sameValue } from "../lib/format/values";
import { titles } from "../lib/state/titles.svelte";

/** “Saved here at 14:02, not sent yet. Central has “Growing”.” */
export function stateSentence(field: FieldInfo, view: FieldView, now: number): string {
  const at = parseInstant(view.saved_at);
  const when = at === null ? "" : ` at ${absolute(at, now)}`;
  const before = sameValue(view.confirmed, view.value) ? "" : isEmpty(view.confirmed) ? " Central has no value." : ` Central has “${titles.show(field, view.confirmed)}”.`;
  switch (view.state) {
    case "pending":
      return `Saved here${when}, not sent yet.${before}`;
    case "sending":
      return `Sent to central, waiting for its answer.${before}`;
    case "rejected":
      return `Central refused this edit${when ? `, saved here${when}` : ""}. It is kept in the queue.${before}`;
    case "conflict":
      return `Two edits met here. Central’s value stands until somebody decides.${before}`;
    case "saved":
      return "Saved, same as central’s last word here.";
    default:
      return "State unknown.";
  }
}

/** What an operator should know before editing; empty for the plain case. */
export function policyHint(field: FieldInfo): string {
  switch (field.policy) {
    case "protected":
      return "Never merged: if two people edit it at once, the second edit waits for a decision.";
    case "counter":
      return "A count: edits made at the same time add up.";
    case "set":
      return "A set: additions made at the same time all stay.";
    case "text":
      return "Typed together: what several people write is joined.";
    case "max":
      return "Only moves forward.";
    case "min":
      return "Only moves back.";
    case "authority":
      return field.authority ? `The app ${field.authority} has the last word.` : "";
    default:
      return "";
  }
}

export function hasOptions(field: FieldInfo): boolean {
  return ["enum", "bool", "ref", "enum_set", "ref_set"].includes(field.type);
}
