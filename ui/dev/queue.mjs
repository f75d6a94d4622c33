// Development only: waiting changes in every state, and what can be done to them.
import { collections, iso, of, rnd, rowState, tables, uuid } from "./fixture.mjs";

export let queue = [];
export const discarded = new Map();

const canChange = (state) => ["pending", "rejected", "held", "blocked"].includes(state);

export function push(collection, row, fields, more = {}) {
  const c = collections.find((x) => x.name === collection);
  const state = more.state ?? "pending";
  const names = Object.keys(fields);
  const label = (n) => c.fields.find((f) => f.name === n)?.label.toLowerCase() ?? n;
  const change = {
    change: uuid(), state, priority: 2, collection, record: row.id, title: String(row.values[c.title] ?? row.key), summary: `Change ${names.map(label).join(", ")}`,
    fields: names.map((name) => ({ name, before: row.values[name] ?? null, after: fields[name] })), saved_at: iso(0), attempts: state === "pending" ? 0 : 1,
    next_attempt: null, error: null, group: null, can_edit: canChange(state), can_discard: canChange(state), ...more,
  };
  queue.push(change);
  const field = state === "sending" || state === "rejected" ? state : "pending";
  for (const name of names) {
    row.pend[name] = { before: row.values[name] ?? null, at: change.saved_at, state: field };
    row.values[name] = fields[name];
  }
  return change;
}

const error = (code, message) => ({ code, message, retryable: false, trace_id: "a81f" });

/** One change of every kind. */
export function everyKind() {
  const brands = tables.get("brand");
  const sectors = tables.get("sector");
  push("brand", brands[3], { status: "Expanding" }, { saved_at: iso(4_000) });
  push("brand", brands[8], { notes: "Call Ms Idris about the renewal before Friday.", status: "Growing" }, { state: "sending", saved_at: iso(9_000) });
  push("sector", sectors[2], { monthly_fee: 1290.5 }, { state: "rejected", saved_at: iso(400_000), error: error("forbidden", "Your role may not change fees of this sector.") });
  push("brand", brands[40], { sector: sectors[7].id, revenue: 1250000 }, { saved_at: iso(60_000) });
  push("brand", brands[12], { reviews: "+3" }, { state: "acknowledged", saved_at: iso(15_000) });
  push("treaty", tables.get("treaty")[1], { status: "proposed" }, { state: "held", saved_at: iso(500_000), error: error("held", "It waits for another change of this laptop that was not accepted.") });
  push("brand", brands[77], { employees: 12 }, { state: "blocked", saved_at: iso(7_000_000), error: error("blocked", "What it changes is not here any more. Central will say what becomes of it.") });
  push("sector", sectors[4], { status: "Monitoring" }, { priority: 1, saved_at: iso(2_000) });
  for (let i = 0; i < 3; i += 1) push("brand", brands[100 + i], { tags: ["EU"] }, { group: { id: "g", index: i, count: 240 }, priority: 3, summary: "Change tags", saved_at: iso(30_000) });
}

export function many(n) {
  const brands = tables.get("brand");
  for (let i = 0; i < n; i += 1) {
    const more = i === 0 ? { state: "rejected", error: error("taken", "Another brand already has this VaultMesh id.") } : i < 4 ? { state: "sending" } : {};
    push("brand", brands[(i * 7) % brands.length], { status: of(["Growing", "Stable"]), employees: rnd(500) }, { saved_at: iso((n - i) * 500), ...more });
  }
}

export const count = (...states) => queue.filter((q) => states.includes(q.state)).length;
export const find = (id) => queue.find((q) => q.change === id);

/** Takes a change out; its fields are as they were. */
export function take(change) {
  queue = queue.filter((q) => q !== change);
  const row = tables.get(change.collection).find((r) => r.id === change.record);
  for (const f of change.fields) {
    if (row.pend[f.name] && rowState(row) !== "conflict") row.values[f.name] = f.before;
    delete row.pend[f.name];
  }
  return row;
}
