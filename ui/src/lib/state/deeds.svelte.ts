// Undo and redo of what the operator did, anywhere in the window; and what was taken back, in words.

import type { ChangeMade } from "../generated/rpc";
import { rpc } from "../host";
import { model } from "./model.svelte";
import { notices } from "./notices.svelte";
import { sync } from "./sync.svelte";

/** A change made just now is among the newest; further back nobody looks. */
const LOOK_BACK = 50;
const KEY = "undo";

/** “Change status of Acme”; empty where the change cannot be named. */
export async function deedWords(made: ChangeMade): Promise<string> {
  try {
    if (made.change === null) return "";
    const waiting = await rpc("queue", { state: null, offset: 0, limit: LOOK_BACK });
    const row = waiting.rows.find((r) => r.change === made.change);
    if (row) return sentence(row.title, row.fields.map((f) => model.fieldLabel(row.collection, f.name)));
    const recent = await rpc("recent", { offset: 0, limit: LOOK_BACK });
    const change = recent.find((c) => c.change === made.change);
    return change?.title ? sentence(change.title, change.fields.map((f) => model.fieldLabel(change.collection, f))) : "";
  } catch {
    return "";
  }
}

function sentence(title: string, labels: string[]): string {
  const what = labels.length === 0 ? "the change" : `change of ${labels.slice(0, 2).join(", ").toLowerCase()}${labels.length > 2 ? ` and ${labels.length - 2} more` : ""}`;
  return `${what} of ${title}`;
}

export async function undoLast(): Promise<void> {
  try {
    const made = await rpc("undo.last", {});
    await sync.ask();
    const words = await deedWords(made);
    notices.offer(KEY, words === "" ? "Took back your last change" : `Took back: ${words}`, "Redo", () => void redoLast());
  } catch (raw) {
    notices.fail(KEY, raw);
  }
}

export async function redoLast(): Promise<void> {
  try {
    const made = await rpc("redo.last", {});
    await sync.ask();
    const words = await deedWords(made);
    notices.say(KEY, words === "" ? "Done again" : `Done again: ${words}`, () => void undoLast());
  } catch (raw) {
    notices.fail(KEY, raw);
  }
}
