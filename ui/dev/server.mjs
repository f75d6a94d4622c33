// Development only: a made-up app behind the real front end, to look at screens in states a real one rarely has.
// node dev/server.mjs PORT [first_run|locked|empty|queue|error|plain|ready|SYNC_STATE]
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { byId, collections, fill, iso, of, rnd, rowState, tables, titles, uuid } from "./fixture.mjs";
import { fillConflicts, page, resolve, resolveMany } from "./conflicts.mjs";
import { asOf, history, redoLast, rollback, rollbackPreview, undo, undoLast, undoPreview } from "./history.mjs";
import { count, discarded, everyKind, find, many, push, queue, take } from "./queue.mjs";
import { STATES, status } from "./status.mjs";

const [port = "4173", mode = "ready"] = process.argv.slice(2);
const dist = join(import.meta.dirname, "../dist");
let state = STATES.includes(mode) ? mode : mode === "queue" ? "offline" : mode === "empty" ? "catching_up" : mode === "ready" ? "needs_attention" : "in_sync";
let phase = mode === "first_run" || mode === "locked" ? mode : "ready";
if (mode !== "empty") fill();
if (mode === "queue") many(10_000);
if (mode === "ready" || (STATES.includes(mode) && mode !== "in_sync")) {
  everyKind();
  fillConflicts();
}

const brands = tables.get("brand");
const listeners = new Set();
const settings = new Map();
const emit = (event) => listeners.forEach((l) => l.write(`${JSON.stringify(event)}\n`));
const fail = (code, message) => { throw { code, message, retryable: false, trace_id: "" }; };
const coll = (name) => collections.find((c) => c.name === name) ?? fail("unknown_collection", name);
const record = (a) => tables.get(a.collection).find((r) => r.id === a.id || r.key === a.id) ?? fail("not_found", "There is no such record here.");

function told(change) {
  emit({ event: "changed", collections: { [change.collection]: { all: false, ids: [change.record] } }, seq: null, local: true });
  emit({ event: "status", status: status(state) });
  return { change: change.change, id: change.record };
}

function matching(a) {
  const c = coll(a.collection);
  const has = (v, want) => [v ?? []].flat().some((one) => String(one) === want || byId.get(one)?.key === want);
  let rows = tables.get(a.collection);
  for (const [name, want] of Object.entries(a.where ?? {})) rows = rows.filter((r) => has(r.values[name], want));
  const word = a.search?.toLowerCase();
  if (word) rows = rows.filter((r) => `${r.values[c.title]} ${r.values.vault_mesh_id ?? ""}`.toLowerCase().includes(word));
  return { c, rows };
}

function list(a) {
  if (mode === "error") fail("corrupt", "A page of the copy could not be read. Your queue is safe.");
  const { c, rows } = matching(a);
  const sort = a.sort ?? c.title;
  const name = sort.replace(/^-/, "");
  const sign = sort.startsWith("-") ? -1 : 1;
  const order = (x, y) => (x == null ? (y == null ? 0 : -1) : y == null ? 1 : x < y ? -1 : x > y ? 1 : 0) * sign;
  const window = [...rows].sort((x, y) => order(x.values[name], y.values[name])).slice(a.offset, a.offset + a.limit);
  return { total: rows.length, rows: window.map((r) => ({ id: r.id, key: r.key, values: r.values, titles: titles(c, r), state: rowState(r), pending: Object.keys(r.pend).filter((n) => ["pending", "sending"].includes(r.pend[n].state)) })) };
}

function facets(a) {
  const { c, rows } = matching(a);
  const field = c.fields.find((f) => f.name === a.field);
  const counts = new Map();
  for (const r of rows) counts.set(r.values[a.field] ?? null, (counts.get(r.values[a.field] ?? null) ?? 0) + 1);
  const label = (v) => (field.target && v ? (titles(c, { values: { [a.field]: v } })[a.field] ?? "") : String(v ?? ""));
  return [...counts].map(([v, n]) => ({ value: v, label: label(v), count: n })).sort((x, y) => y.count - x.count);
}

function get(a) {
  const c = coll(a.collection);
  const r = record(a);
  const t = titles(c, r);
  const field = (f) => ({ name: f.name, value: r.values[f.name] ?? null, title: t[f.name] ?? null, state: r.pend[f.name]?.state ?? "saved", confirmed: r.pend[f.name] ? r.pend[f.name].before : (r.values[f.name] ?? null), saved_at: r.pend[f.name]?.at ?? null });
  return { collection: a.collection, id: r.id, key: r.key, title: String(r.values[c.title]), owner: null, seq: r.seq, state: rowState(r), fields: c.fields.map(field), recent: recent(3).map((x) => ({ ...x, seq: x.seq ?? 70001 })) };
}

function recent(n) {
  return Array.from({ length: n }, (_, i) => {
    const r = brands[i * 13];
    return { seq: i < 2 ? null : 75112 - i, change: `c${i}`, collection: "brand", record: r?.id, title: r?.values.name ?? null, fields: [["status"], ["notes", "tags"], ["sector"]][i % 3], records: i === 4 ? 12 : 1, by: ["Ada Okafor", "Jonas Lindqvist", "Mara Ito"][i % 3], device: ["ada-laptop", "desk-2", "field-7"][i % 3], at: iso(i * 340000 + 20000), command: ["edit", "edit", "brand.move"][i % 3] };
  });
}

function overview() {
  if (mode === "error") fail("internal", "The copy could not be read. Your edits are safe; start the app again.");
  const waiting = (rows) => rows.filter((r) => Object.keys(r.pend).length > 0).length;
  const sector = (s) => {
    const own = brands.filter((b) => b.values.sector === s.id);
    return { id: s.id, key: s.key, name: s.values.name, icon: s.values.icon, status: s.values.status, category: s.values.category, brands: own.length, declared_brands: s.values.declared_brands, pending: waiting(own) };
  };
  return { collections: collections.map((c) => ({ collection: c.name, label: c.plural, rows: tables.get(c.name).length, pending: waiting(tables.get(c.name)) })), sectors: tables.get("sector").map(sector) };
}

function monitor() {
  const now = Math.floor(Date.now() / 1000);
  const quiet = mode === "plain";
  const at = Array.from({ length: quiet ? 0 : 300 }, (_, i) => now - 300 + i);
  const away = (i) => i > 180 && i < 215;
  const wave = (m, i) => m * (0.6 + Math.sin(i / 17) * 0.3 + rnd(40) / 100);
  const level = (m) => at.map((_, i) => (away(i) ? null : Math.round(wave(m, i))));
  const sample = (m) => at.map((_, i) => (away(i) || i % 3 ? null : wave(m, i)));
  return { step_s: 1, at, commits: level(9), outcomes: level(4), sent: level(2100), received: level(18000), latency_p50: sample(6), latency_p99: sample(18), queued: level(4), lag: level(2), reconnects: mode === "ready" ? { network_change: 3, wake: 1, watchdog: 1 } : {}, overhead: quiet ? null : 0.0074, rows_compared: quiet ? 0 : 68095, rows_different: 0 };
}

async function enrol() {
  for (let i = 0; i <= 10; i += 1) {
    emit({ event: "progress", progress: { label: "Making the sample portfolio", done: i * 6800, total: 68000 } });
    await new Promise((r) => setTimeout(r, 120));
  }
  phase = "ready";
  emit({ event: "phase" });
  return { device: "d", replica: "r", operator: "Ada Okafor", recovery_code: "7KQ2-M9XA-4TFD-WP3E-HN6R-Y8CJ-5VBG-2ZLS" };
}

function pause(to) {
  state = to;
  emit({ event: "status", status: status(state) });
  return {};
}

const HANDLERS = {
  "app.info": () => ({ version: "0.1.0", phase, reason: phase === "locked" ? "No system keychain answered, so the passphrase opens this copy." : "", keys: phase === "locked" ? "passphrase" : "os", data_dir: "/home/ada/.local/share/omni/replica", operator: phase === "first_run" ? null : "Ada Okafor", device: "ada-laptop", local_central: true }),
  "app.painted": () => ({}),
  "app.unlock": (a) => { if (a.passphrase !== "correct horse") fail("wrong_passphrase", "The passphrase is wrong."); phase = "ready"; return {}; },
  "enrol.join": (a) => (a.passphrase ? enrol() : fail("keychain_unavailable", "No keychain answers on this system.")),
  "enrol.local": enrol,
  status: () => status(state),
  overview, list, facets, get, monitor,
  collections: () => collections,
  commands: () => [{ name: "brand.move", label: "Move a brand with its subnodes to another sector", offline: "yes", args: [] }],
  set: (a) => {
    if (a.fields.name === "bad") fail("invalid", "Name: this name is not allowed.");
    return told(push(a.collection, record(a), a.fields));
  },
  queue: (a) => { const all = [...queue, ...discarded.values()].filter((q) => (a.state ? q.state === a.state : q.state !== "discarded")); return { total: all.length, rows: all.slice(a.offset, a.offset + a.limit) }; },
  "queue.retry": () => ({}),
  "queue.discard": (a) => { const q = find(a.change) ?? fail("not_found", "This change is not in the queue."); take(q); discarded.set(q.change, { ...q, state: "discarded", can_edit: false, can_discard: false }); told(q); return {}; },
  "queue.restore": (a) => { const q = discarded.get(a.change) ?? fail("not_found", "This change is not in the queue."); discarded.delete(a.change); return told(push(q.collection, byId.get(q.record), Object.fromEntries(q.fields.map((f) => [f.name, f.after])))); },
  "queue.edit": (a) => { const q = find(a.change) ?? fail("not_found", "This change is not in the queue."); take(q); return told(push(q.collection, byId.get(q.record), { ...Object.fromEntries(q.fields.map((f) => [f.name, f.after])), ...a.fields })); },
  conflicts: (a) => (mode === "error" ? fail("corrupt", "A page of the copy could not be read. Your queue is safe.") : page(a)),
  "conflicts.resolve": (a) => { const { told: change, ...made } = resolve(a); told(change); setTimeout(() => told(change), 1_600); return made; },
  "conflicts.resolve_many": (a) => { const r = resolveMany(a); emit({ event: "queue", queued: count("pending") }); setTimeout(() => emit({ event: "queue", queued: 0 }), 1_600); return r; },
  text: (a) => told(push(a.collection, record(a), { [a.field]: a.replace })),
  history, as_of: asOf, "undo.preview": undoPreview, undo: (a) => undo(a, told), "undo.last": () => undoLast(told), "redo.last": () => redoLast(told),
  "rollback.preview": rollbackPreview, rollback: (a) => rollback(a, told),
  recent: (a) => (mode === "empty" ? [] : recent(Math.min(14, a.limit))),
  "sync.now": () => ({}),
  "sync.pause": () => pause("paused"),
  "sync.resume": () => pause("in_sync"),
  verify: () => ({ equal: true, scopes: 61, differing: [], accuracy: 1, seq: 75112 }),
  search: (a) => brands.filter((b) => b.values.name.toLowerCase().includes(a.text.toLowerCase())).slice(0, a.limit).map((b) => ({ collection: "brand", id: b.id, title: b.values.name, subtitle: byId.get(b.values.sector)?.values.name ?? "" })),
  "settings.get": (a) => ({ name: a.name, value: settings.get(a.name) ?? null }),
  "settings.set": (a) => { settings.set(a.name, a.value); return {}; },
};

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async function rpc(req, res) {
  let body = "";
  for await (const part of req) body += part;
  const { command, args } = JSON.parse(body);
  try {
    const reply = await (HANDLERS[command] ?? (() => fail("unknown_command", command)))(args);
    res.writeHead(200).end(JSON.stringify(reply));
  } catch (e) {
    if (!e.code) console.error(e);
    res.writeHead(400).end(JSON.stringify(e.code ? e : { code: "internal", message: String(e), retryable: false, trace_id: "" }));
  }
}

createServer((req, res) => {
  if (req.url === "/events") {
    res.writeHead(200, { "Content-Type": "application/x-ndjson" }).write("\n");
    listeners.add(res);
    req.on("close", () => listeners.delete(res));
    return;
  }
  if (req.url === "/rpc") return void rpc(req, res);
  const path = join(dist, normalize(req.url === "/" ? "/index.html" : req.url.split("?")[0]));
  if (!path.startsWith(dist) || !existsSync(path)) return void res.writeHead(404).end();
  res.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Content-Security-Policy": CSP }).end(readFileSync(path));
}).listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/#token=dev`));

// Somebody elsewhere works too.
if (mode === "ready") setInterval(() => {
  const b = brands[rnd(60)];
  b.values.status = of(["Growing", "Stable", "Active"]);
  emit({ event: "changed", collections: { brand: { all: false, ids: [b.id] } }, seq: 75113, local: false });
}, 3_000);
