// Rules of the front end that the compiler does not know.
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(__dirname, "..");
const LINES_MAX = 400;

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    return e.isDirectory() ? sources(path) : /\.(ts|svelte|css)$/.test(path) ? [path] : [];
  });
}

const files = sources(root).map((path) => ({ path: relative(root, path), text: readFileSync(path, "utf8") }));
const shipped = files.filter((f) => !f.path.startsWith("tests"));

test("no markup from strings and no code from strings", () => {
  const sink = /\{@html|\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(/;
  expect(shipped.filter((f) => sink.test(f.text)).map((f) => f.path)).toEqual([]);
});

test("no style attributes: the page’s policy refuses them", () => {
  expect(shipped.filter((f) => /\sstyle=/.test(f.text)).map((f) => f.path)).toEqual([]);
});

test("only the host folder knows the shell", () => {
  const knows = shipped.filter((f) => f.text.includes("@tauri-apps/")).map((f) => f.path);
  expect(knows.length).toBeGreaterThan(0);
  expect(knows.filter((p) => !p.startsWith("lib/host/"))).toEqual([]);
});

test("files stay small, made ones aside", () => {
  const long = shipped.filter((f) => !f.path.includes("generated") && f.text.split("\n").length > LINES_MAX);
  expect(long.map((f) => f.path)).toEqual([]);
});
