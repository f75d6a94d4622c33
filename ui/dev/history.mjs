// Development only: made-up histories, undo and rollback.
import { byId, collections, iso, of, rnd, tables, uuid } from "./fixture.mjs";
import { decisions } from "./conflicts.mjs";
import { push, queue } from "./queue.mjs";

const fail = (code, message) => { throw { code, message, retryable: false, trace_id: "" }; };
const PEOPLE = [["Ada Okafor", "ada-laptop"], ["Jonas Lindqvist", "desk-2"], ["Mara Ito", "field-7"]];
const TEXTS = ["Call the grower before Friday.", "Call the grower before Friday and ask for the new price list.", "Ask for the new price list; the old one ends in March.", "Ask for the new price list. The old one ends in March, the contract in June."];
const kept = new Map();

function past(collection, row) {
  const c = collections.find((x) => x.name === collection);
  const fields = c.fields.filter((f) => ["enum", "int", "long_text", "text_set", "money"].includes(f.type)).slice(0, 6);
  const entries = [];
  for (let n = 0; n < 24; n += 1) {
    const f = fields[n % Math.max(1, fields.length)] ?? c.fields[0];
    const values = f.type === "enum" ? [f.words[n % f.words.length], f.words[(n + 1) % f.words.length]] : f.type === "int" || f.type === "money" ? [10 + n, 12 + n] : f.type === "text_set" ? [["EU"], ["EU", "priority"]] : [TEXTS[n % 4], TEXTS[(n + 1) % 4]];
    const [by, device] = PEOPLE[n % 3];
    const last = n === 23;
    entries.push({
      seq: 75_100 - n * 37, change: uuid(), at: iso((n + 1) * (n + 1) * 1_900_000), by, device, command: last ? "create" : n % 7 === 4 ? "brand.move" : "edit", kind: last ? "created" : "changed", rule: n % 6 === 2 ? "Latest" : null,
      fields: last ? [] : [{ name: f.name, label: f.label, before: n % 5 === 3 ? null : values[0], after: n === 0 ? (row.values[f.name] ?? values[1]) : values[1] }], can_undo: !last,
    });
  }
  return entries;
}

export function history(a) {
  const row = tables.get(a.collection).find((r) => r.id === a.id || r.key === a.id) ?? fail("not_found", "There is no such record here.");
  if (!kept.has(row.id)) kept.set(row.id, past(a.collection, row));
  const c = collections.find((x) => x.name === a.collection);
  const own = queue.filter((q) => q.record === row.id).map((q) => ({ seq: null, change: q.change, at: q.saved_at, by: "Ada Okafor", device: "ada-laptop", command: "edit", kind: q.state, rule: null, fields: q.fields.map((f) => ({ ...f, label: c.fields.find((x) => x.name === f.name)?.label ?? f.name })), can_undo: true }));
  const all = [...own.toReversed(), ...kept.get(row.id)];
  const from = all.filter((e) => a.before == null || (e.seq !== null && e.seq < a.before));
  return { entries: from.slice(a.offset, a.offset + a.limit), more: from.length > a.offset + a.limit, local_since: 70_000, incomplete: rnd(2) === 0 };
}

function at(a) {
  const row = tables.get(a.collection).find((r) => r.id === a.id || r.key === a.id) ?? fail("not_found", "There is no such record here.");
  return { row, entries: history({ ...a, offset: 0, limit: 1000 }).entries.filter((e) => e.seq !== null) };
}

export function asOf(a) {
  const { row, entries } = at(a);
  const to = /^\d+$/.test(a.at) ? (e) => e.seq > Number(a.at) : (e) => Date.parse(e.at) > Date.parse(a.at);
  const fields = { ...row.values };
  for (const e of entries.filter(to)) for (const f of e.fields) fields[f.name] = f.before;
  const seq = entries.find((e) => !to(e))?.seq ?? 0;
  return { seq, existed: seq > 0, id: row.id, fields, differs: Object.keys(fields).filter((n) => JSON.stringify(fields[n]) !== JSON.stringify(row.values[n])) };
}

function line(collection, row, field, then, later) {
  const c = collections.find((x) => x.name === collection);
  const f = c.fields.find((x) => x.name === field);
  return { address: `${collection}/${row.id}/${field}`, collection, record: row.id, title: String(row.values[c.title]), field, label: f?.label ?? field, now: row.values[field] ?? null, then, later: later !== null, later_by: later };
}

export function undoPreview(a) {
  for (const [id, entries] of kept) {
    const entry = entries.find((e) => e.change === a.change);
    if (!entry) continue;
    const collection = collections.find((c) => tables.get(c.name).some((r) => r.id === id)).name;
    const n = entries.indexOf(entry);
    const later = entries.slice(0, n).find((e) => e.fields.some((f) => entry.fields.some((g) => g.name === f.name)));
    return { lines: entry.fields.map((f) => line(collection, byId.get(id), f.name, f.before, later?.by ?? null)), missing: 0 };
  }
  const q = queue.find((x) => x.change === a.change) ?? fail("not_found", "This change is not known here.");
  return { lines: q.fields.map((f) => line(q.collection, byId.get(q.record), f.name, f.before, null)), missing: 0 };
}

export function undo(a, told) {
  const decision = decisions.get(a.change);
  if (decision) {
    Object.assign(decision.found, { decided: decision.before.decided, can_resolve: true, seq: decision.found.seq + 1 });
    decisions.delete(a.change);
    return { change: uuid(), id: decision.found.record };
  }
  const { lines } = undoPreview(a);
  const go = lines.filter((l) => !l.later);
  if (go.length === 0) return { change: null, id: lines[0]?.record ?? "" };
  return told(push(go[0].collection, byId.get(go[0].record), Object.fromEntries(go.map((l) => [l.field, l.then])), { summary: "Take back a change" }));
}

const done = [];
export const undoLast = (told) => {
  const last = queue.at(-1) ?? fail("nothing_to_undo", "Nothing that you did here is left to take back.");
  done.push(last);
  return told(push(last.collection, byId.get(last.record), Object.fromEntries(last.fields.map((f) => [f.name, f.before])), { summary: `Take back: ${last.summary}` }));
};
export const redoLast = (told) => {
  const last = done.pop() ?? fail("nothing_to_redo", "Nothing was taken back that could be done again.");
  return told(push(last.collection, byId.get(last.record), Object.fromEntries(last.fields.map((f) => [f.name, f.after])), { summary: last.summary }));
};

export function rollbackPreview(a) {
  if (a.change) return undoPreview(a);
  if (a.record) {
    const past = asOf({ ...a.record, at: String(a.record.to_seq) });
    const row = byId.get(past.id);
    return { lines: past.differs.map((name, n) => line(a.record.collection, row, name, past.fields[name], n % 3 === 1 ? "Jonas Lindqvist" : null)), missing: 0 };
  }
  if (a.device?.device === "nobody") return { lines: [], missing: 0 };
  const brands = tables.get("brand").slice(10, 10 + (a.group ? 40 : 14));
  return { lines: brands.map((b, n) => line("brand", b, "status", of(["Active", "Stable", "Growing"]), n % 5 === 2 ? "Mara Ito" : null)), missing: a.device ? 3 : 0 };
}

export function rollback(a, told) {
  const { lines } = rollbackPreview(a);
  const go = lines.filter((l) => !l.later || a.also.includes(l.address));
  const changes = go.map((l) => told(push(l.collection, byId.get(l.record), { [l.field]: l.then }, { summary: "Roll back" })).change);
  return { changes, discarded: 0, group: changes.length > 1 ? uuid() : null, left: lines.length - go.length };
}
