// Changes that need a person, one line for each root: what waits for a refused change is counted beside it.

import type { QueueRow } from "../generated/rpc";

export interface Root {
  row: QueueRow;
  /** Other changes held for the same reason. */
  waiting: number;
}

export const NEEDS_YOU: readonly string[] = ["rejected", "blocked", "held"];

/** Held changes with the same reason share a line: their root is the same. Others stand alone; the newest come first. */
export function roots(rows: readonly QueueRow[]): Root[] {
  const out: Root[] = [];
  const held = new Map<string, Root>();
  for (const row of rows.toSorted((a, b) => b.saved_at.localeCompare(a.saved_at))) {
    const reason = row.state === "held" ? (row.error?.message ?? "") : "";
    const known = reason === "" ? undefined : held.get(reason);
    if (known) {
      known.waiting += 1;
      continue;
    }
    const root = { row, waiting: 0 };
    if (reason !== "") held.set(reason, root);
    out.push(root);
  }
  return out;
}
