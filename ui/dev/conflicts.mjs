// Development only: a made-up inbox with items of every kind. Names and texts are invented.
import { byId, collections, iso, of, rnd, tables, uuid } from "./fixture.mjs";
import { push } from "./queue.mjs";

export const items = [];
const MIN = 60_000;
const labelOf = (collection, name) => collections.find((c) => c.name === collection)?.fields.find((f) => f.name === name);
const fail = (code, message) => { throw { code, message, retryable: false, trace_id: "" }; };
let seq = 75_000;

function side(collection, name, base, mine, theirs, more = {}) {
  const f = labelOf(collection, name);
  return { name, label: f?.label ?? "Record", type: f?.type ?? "record", also: [], settled: null, base, mine, theirs, by: "Mara Ito", device: "field-7", at: iso(90 * MIN), rule: "Latest", decided: "open", winner: null, ...more };
}

function item(collection, row, fields, more = {}) {
  const c = collections.find((x) => x.name === collection);
  const rule = more.rule ?? "Latest";
  const made = {
    id: uuid(), kind: "field", decided: "open", rule, seq: seq++, delete: false, own: false, typed_at: fields[0].at, theirs_by: "Jonas Lindqvist", theirs_device: "desk-2", theirs_at: iso(110 * MIN),
    settled_by: null, settled_at: null, can_resolve: true, change: null, collection, record: row.id, title: String(row.values[c.title] ?? row.key), fields: fields.map((f) => ({ ...f, rule, decided: more.decided ?? "open" })), ...more,
  };
  if (made.decided === "open" && made.kind === "field") {
    for (const f of fields) {
      row.values[f.name] = f.theirs;
      row.pend[f.name] = { before: f.theirs, at: f.at, state: "conflict" };
    }
  }
  items.push(made);
  return made;
}

const NOTE = "The brand keeps its packing line in the valley until the end of the season.\nDeliveries to the northern depots leave on Mondays and Thursdays; the driver signs for each pallet.\nReturns within ten days go back to the grower.";
const NOTE_MINE = "The brand keeps its packing line in the valley until the end of March.\nDeliveries to the northern depots leave on Mondays, Wednesdays and Fridays; the driver signs for each pallet.\nReturns within ten days go back to the grower.";
const NOTE_THEIRS = "The brand keeps its packing line in the valley until the end of the season.\nDeliveries to the northern depots leave on Tuesdays and Thursdays; the driver signs for each pallet and each crate.\nReturns within ten days go back to the grower, at the grower’s cost.";

export function fillConflicts() {
  const [brands, sectors, scrolls, treaties, contracts] = ["brand", "sector", "scroll", "treaty", "contract"].map((n) => tables.get(n));
  item("brand", brands[5], [side("brand", "revenue", 1200000, 1350000, 1280000.5)], { rule: "Protected", own: true, typed_at: iso(90 * MIN) });
  item("brand", brands[11], [side("brand", "status", "Active", "Growing", "Stable", { at: iso(70 * MIN), also: [{ value: "Monitoring", by: "Ines Duarte", device: "ines-laptop", at: iso(12 * MIN) }] })], { own: true, typed_at: iso(88 * MIN) });
  item("brand", brands[21], [side("brand", "notes", NOTE, NOTE_MINE, NOTE_THEIRS, { at: iso(40 * MIN) })], { own: true, typed_at: iso(60 * MIN) });
  item("brand", brands[40], [side("brand", "sector", sectors[1].id, sectors[2].id, sectors[3].id, { at: iso(44 * MIN) })], { typed_at: iso(37 * MIN) });
  item("scroll", scrolls[3], [side("scroll", "fee_local", 20, 25, 22), side("scroll", "fee_regional", 60, 75, 66), side("scroll", "fee_global", 140, 170, 150)], { rule: "Protected" });
  item("brand", brands[33], [side("brand", "markets", ["EU", "priority"], ["EU", "Asia", "priority"], ["EU"])], { rule: "stale" });
  item("brand", brands[34], [side("brand", "markets", null, null, ["priority"])], { rule: "Set", decided: "auto" });
  item("sector", sectors[4], [side("sector", "name", sectors[4].values.name, `${sectors[4].values.name} & Storage`, `${sectors[4].values.name} and Logistics`, { by: "Ada Okafor", device: "ada-laptop" })], { rule: "Authority", own: true });
  item("scroll", scrolls[9], [side("scroll", "status", "active", "paused", "retired")], { rule: "Transition" });
  item("treaty", treaties[2], [side("treaty", "*", null, null, null)], { kind: "record", rule: "committed stands", delete: true });
  item("contract", contracts[7], [side("contract", "party_b", "Kestrel Freight", "Kestrel Freight & Sons", "Kestrel Freight")], { kind: "record", rule: "committed stands", own: true });
  item("brand", brands[12], [side("brand", "*", null, null, null)], { kind: "change", rule: "parked", change: uuid(), own: true });
  for (let i = 0; i < 14; i += 1) {
    const row = brands[200 + i * 3];
    item("brand", row, [side("brand", "employees", 10 + i, 12 + i, 11 + i * 2, { by: of(["Mara Ito", "Ines Duarte"]), at: iso((200 + rnd(300)) * MIN) })], {});
  }
  for (let i = 0; i < 9; i += 1) {
    const row = brands[400 + i * 5];
    item("brand", row, [side("brand", "status", "Active", "Growing", "Stable")], { decided: "auto", rule: i % 3 ? "Latest" : "Authority" });
  }
  item("brand", brands[500], [side("brand", "*", null, null, null)], { decided: "auto", kind: "record", rule: "edit wins", delete: true });
  item("brand", brands[510], [side("brand", "employees", 40, 44, 41, { settled: 44 })], { decided: "person", settled_by: "Ines Duarte", settled_at: iso(30 * MIN) });
  item("brand", brands[511], [side("brand", "notes", NOTE, NOTE_MINE, NOTE_THEIRS, { settled: NOTE_MINE })], { decided: "person", settled_by: "Ada Okafor", settled_at: iso(34 * 86_400_000) });
}

export const openItems = () => items.filter((i) => i.decided === "open");

export function page(a) {
  const want = a.decided ?? "open";
  const all = items.filter((i) => want === "all" || i.decided === want);
  return { total: all.length, rows: all.slice(a.offset, a.offset + a.limit) };
}

export function resolve(a) {
  const found = items.find((i) => i.id === a.id) ?? fail("not_found", "This item is not here any more. It may have been settled on another laptop.");
  if (a.take === "values" && Object.values(a.values).includes("stale")) fail("stale", "The field moved on central while you chose. Nothing was written; the newer values are shown.");
  const row = byId.get(found.record);
  const values = Object.fromEntries(found.fields.filter((f) => f.name !== "*").map((f) => [f.name, a.take === "values" ? a.values[f.name] : f[a.take]]));
  for (const name of Object.keys(values)) delete row.pend[name];
  const change = push(found.collection, row, values, { summary: `Settle a conflict of this ${found.collection}` });
  const before = { decided: found.decided, settled: found.fields.map((f) => f.settled) };
  // Central answers a moment later.
  setTimeout(() => {
    Object.assign(found, { decided: "person", settled_by: "Ada Okafor", settled_at: iso(0), seq: seq++, can_resolve: true });
    for (const f of found.fields) f.settled = values[f.name] ?? null;
  }, 1_500);
  found.can_resolve = false;
  decisions.set(change.change, { found, before });
  return { change: change.change, id: found.record, told: change };
}

export const decisions = new Map();

export function resolveMany(a) {
  const failed = [];
  const changes = [];
  for (const [n, id] of a.ids.entries()) {
    if (n % 7 === 6) failed.push({ id, error: { code: "stale", message: "Somebody changed this field since you looked.", retryable: false, trace_id: "" } });
    else {
      changes.push(resolve({ id, take: a.take, values: {} }).change);
    }
  }
  return { done: changes.length, changes, failed };
}
