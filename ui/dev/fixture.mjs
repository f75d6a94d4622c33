// Development only: a made-up portfolio, the same at every start. Nothing here is shipped.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
export const collections = JSON.parse(readFileSync(join(here, "collections.json"), "utf8"));
const sectorFacts = JSON.parse(readFileSync(join(here, "sectors.json"), "utf8"));

/** A small generator with a seed (mulberry32): the same portfolio each time. */
let seed = 20260301;
export function rnd(n) {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
export const of = (list) => list[rnd(list.length)];

let nextId = 1;
export function uuid() {
  const n = nextId++;
  return `0192f3c4-${(0x1000 + (n >> 12)).toString(16)}-7${(n & 0xfff).toString(16).padStart(3, "0")}-8a2b-${n.toString(16).padStart(12, "0")}`;
}
export const iso = (ms) => new Date(Date.now() - ms).toISOString();

const FIRST = ["Verdant", "Northwind", "Terra", "Halo", "Kestrel", "Lumen", "Orchard", "Basalt", "Cinder", "Meridian", "Fable", "Quarry", "Sable", "Tidal", "Umber", "Vela", "Willow", "Zephyr", "Agri", "Banyan", "Copper", "Delta"];
const SECOND = ["Harvest", "Freight", "Ledger", "Studio", "Clinic", "Roots", "Signal", "Forge", "Commons", "Works", "Collective", "Press", "Motion", "Vault", "Grid", "Supply"];
const THIRD = ["", "", "", " Group", " Labs", " Holdings", " Europe", " & Daughters", " Cooperative", " of the Southern Cape"];
const LONG_NAME = "The Incorporated Society of Independent Seedkeepers, Millers and Grain Exchanges of the Upper Valley (Successors) Limited";
const CLAUSE = "The parties keep records of every deployment for seven years.\nEither side may ask for them in writing, and receives them within thirty days.";
const SIZES = { sector: 29, brand: 7038, scroll: 7038, deployment: 9000, treaty: 8, clause: 12564, contract: 5804, treaty_dependency: 7, payroll_sector: 15, payroll_page: 26575, node: 8, app: 3, app_dependency: 6 };
const NAMES = {
  app: ["fruitful", "samfox", "banimal"],
  node: ["americas-1", "europe-1", "asia-1", "africa-1", "arctic-1", "orbital-1", "oceania-1", "quantum-1"],
  treaty: ["Seed Sovereignty Accord", "Northern Grain Treaty", "Data Stewardship Compact", "Freight Corridor Agreement", "Fair Payroll Charter", "Archive Preservation Treaty", "Clinic Reciprocity Accord", "Orbital Licence Treaty"],
};

export const tables = new Map(collections.map((c) => [c.name, []]));
export const byId = new Map();

function value(f, i) {
  switch (f.type) {
    case "enum": return rnd(9) === 0 && !f.required ? null : of(f.words);
    case "bool": return rnd(4) === 0;
    case "int": return f.declared ? rnd(900) : rnd(3) ? rnd(4000) : null;
    case "money": return rnd(3) ? rnd(90000000) / 100 : null;
    case "decimal": return rnd(1000) / 10;
    case "time": return rnd(3) ? Date.now() - rnd(400) * 86400000 : null;
    case "enum_set": return f.words.filter(() => rnd(2));
    case "text_set": return rnd(3) ? [] : ["EU", "priority"].slice(rnd(2));
    case "ref": return tables.get(f.target)?.length ? of(tables.get(f.target)).id : null;
    case "ref_set": return [...new Set([1, 2, 3].map(() => of(tables.get(f.target)).id))];
    case "long_text": return rnd(4) ? null : CLAUSE;
    default: return `${of(FIRST)} ${of(SECOND)} ${i}`;
  }
}

function brand(values, i) {
  values.name = i === 40 ? LONG_NAME : `${of(FIRST)} ${of(SECOND)}${of(THIRD)}`;
  values.vault_mesh_id = `VM-${String(i).padStart(5, "0")}-${of(FIRST).slice(0, 3).toUpperCase()}`;
  values.kind = rnd(3) ? "subnode" : "core";
  if (values.kind === "core") values.parent = null;
  values.revenue = rnd(4) ? null : rnd(900000000) / 100;
  values.employees = rnd(3) ? null : rnd(900);
}

/** Fills the tables. */
export function fill() {
  for (const c of collections) {
    const table = tables.get(c.name);
    for (let i = 0; i < (SIZES[c.name] ?? 10); i += 1) {
      const values = Object.fromEntries(c.fields.map((f) => [f.name, value(f, i)]));
      let key = `${c.name}-${String(i + 1).padStart(4, "0")}`;
      if (c.name === "sector") {
        const fact = sectorFacts[i];
        key = fact.key;
        Object.assign(values, { name: fact.name, icon: fact.icon, category: fact.category, status: fact.status, declared_brands: fact.declared });
      }
      if (c.name === "brand") brand(values, i);
      if (c.name === "clause") Object.assign(values, { heading: of(["Records", "Notice", "Fees", "Term", "Liability", "Governing law", "Audit", "Deployment"]), number: (i % 1570) + 1 });
      if (c.name !== "sector" && "icon" in values) values.icon = of(["🌾", "🏦", "🎬", "🧪"]);
      if (NAMES[c.name]) values[c.title] = NAMES[c.name][i];
      const row = { id: uuid(), key, values, seq: 1 + rnd(70000), pend: {} };
      byId.set(row.id, row);
      table.push(row);
    }
  }
}

/** Titles of linked records, by field. */
export function titles(c, row) {
  const out = {};
  for (const f of c.fields.filter((f) => f.target)) {
    const ids = [row.values[f.name] ?? []].flat();
    const title = collections.find((x) => x.name === f.target).title;
    if (ids.length > 0) out[f.name] = ids.map((id) => String(byId.get(id)?.values[title] ?? id)).join(", ");
  }
  return out;
}

/** The badge of a row: its worst field. */
export function rowState(row) {
  const states = Object.values(row.pend).map((p) => p.state);
  return ["conflict", "rejected", "sending", "pending"].find((s) => states.includes(s)) ?? "saved";
}
