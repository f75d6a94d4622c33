// Contrast of every token pair in use, in every theme: 4.5:1 for text, 3:1 for parts.
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(__dirname, "..");
const css = readFileSync(join(root, "styles/tokens.css"), "utf8");
const THEMES = ["dark", "light", "contrast-dark", "contrast-light"];
const SURFACES = ["surface-0", "surface-1", "surface-2", "surface-3"];
const STATES = ["ok", "pending", "sending", "attention", "conflict", "error", "unknown"];

type Oklch = [number, number, number];

function tokens(theme: string): Map<string, Oklch> {
  const block = new RegExp(`data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  const found = [...block.matchAll(/--([\w-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)|--([\w-]+): oklch\(([\d.]+) ([\d.]+) 0\)/g)];
  return new Map(found.map((m) => [m[1] ?? m[5] ?? "", [Number(m[2] ?? m[6]), Number(m[3] ?? m[7]), Number(m[4] ?? 0)]]));
}

/** Relative luminance of a colour, clipped to sRGB as a screen does. */
function luminance([l, c, h]: Oklch): number {
  const a = c * Math.cos((h * Math.PI) / 180);
  const b = c * Math.sin((h * Math.PI) / 180);
  const l3 = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m3 = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s3 = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clip = (n: number) => Math.min(1, Math.max(0, n));
  const r = clip(4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3);
  const g = clip(-1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3);
  const bl = clip(-0.0041960863 * l3 - 0.7034186147 * m3 + 1.707614701 * s3);
  return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
}

function ratio(a: Oklch, b: Oklch): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const text: [string, string][] = [
  ...["text-1", "text-2", "text-3", "accent", ...STATES].flatMap((fg) => SURFACES.map((bg): [string, string] => [fg, bg])),
  ...["text-1", "text-2"].flatMap((fg) => [...STATES.map((s): [string, string] => [fg, `${s}-fill`]), [fg, "accent-fill"] as [string, string]]),
  ...STATES.map((s): [string, string] => [s, `${s}-fill`]),
  ...["text-3", "accent", ...STATES].map((fg): [string, string] => [fg, "accent-fill"]),
  ["on-accent", "accent"],
];
const parts: [string, string][] = [
  ...["edge", "focus"].flatMap((fg) => SURFACES.map((bg): [string, string] => [fg, bg])),
  ...["chart-1", "chart-2", "chart-3"].map((fg): [string, string] => [fg, "surface-1"]),
  ["focus", "accent-fill"],
];

describe.each(THEMES)("%s", (theme) => {
  const set = tokens(theme);
  const of = (name: string): Oklch => {
    const value = set.get(name);
    if (!value) throw new Error(`${theme} has no --${name}`);
    return value;
  };
  const low = (pairs: [string, string][], least: number) =>
    pairs.map(([fg, bg]) => ({ pair: `${fg} on ${bg}`, ratio: ratio(of(fg), of(bg)) })).filter((p) => p.ratio < least);
  test("text reads", () => expect(low(text, 4.5)).toEqual([]));
  test("parts are seen", () => expect(low(parts, 3)).toEqual([]));
  test("has the same names as the dark theme", () => {
    expect([...set.keys()].sort()).toEqual([...tokens("dark").keys()].sort());
  });
});

test("black on white is 21", () => {
  expect(ratio([0, 0, 0], [1, 0, 0])).toBeCloseTo(21, 1);
});

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    return e.isDirectory() ? sources(path) : [path];
  });
}

test("text colours in the styles are among the checked ones, and every token used exists", () => {
  const checked = new Set(text.map(([fg]) => fg));
  const defined = new Set([...css.matchAll(/--([\w-]+):/g)].map((m) => m[1]));
  for (const path of sources(root).filter((p) => /\.(svelte|css)$/.test(p))) {
    const source = readFileSync(path, "utf8");
    const local = new Set([...source.matchAll(/(?:style:|\s)--([\w-]+)[=:]/g)].map((m) => m[1]));
    for (const [, name = ""] of source.matchAll(/var\(--([\w-]+)\)/g)) expect(defined.has(name) || local.has(name), `${path}: --${name}`).toBe(true);
    for (const [, name = ""] of source.matchAll(/(?:^|[\s;{])color: var\(--([\w-]+)\)/g)) expect(checked.has(name), `${path}: color --${name}`).toBe(true);
  }
});
