// The queue's deeds: retry, edit, discard with undo.

import type { JsonValue, QueueRow } from "../generated/rpc";
import { rpc } from "../host";
import { notices } from "./notices.svelte";
import { sync } from "./sync.svelte";

async function attempt(row: QueueRow, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    await sync.ask();
    return true;
  } catch (raw) {
    notices.fail(`change/${row.change}`, raw);
    return false;
  }
}

export async function retry(row: QueueRow): Promise<boolean> {
  const done = await attempt(row, () => rpc("queue.retry", { change: row.change }));
  if (done) notices.say(`change/${row.change}`, `Trying again: ${row.title}`);
  return done;
}

export async function discard(row: QueueRow): Promise<boolean> {
  const done = await attempt(row, () => rpc("queue.discard", { change: row.change }));
  if (done) notices.say(`change/${row.change}`, `Discarded the edit of ${row.title}`, () => void restore(row));
  return done;
}

export async function restore(row: QueueRow): Promise<boolean> {
  const done = await attempt(row, () => rpc("queue.restore", { change: row.change }));
  if (done) notices.say(`change/${row.change}`, `The edit of ${row.title} waits again`);
  return done;
}

/** Replaces values of a waiting change; it gets a new id. Throws what Rust refused. */
export async function revise(row: QueueRow, fields: { [name: string]: JsonValue }): Promise<string | null> {
  const made = await rpc("queue.edit", { change: row.change, fields });
  await sync.ask();
  notices.say(`change/${row.change}`, `Changed the waiting edit of ${row.title}`);
  return made.change;
}
