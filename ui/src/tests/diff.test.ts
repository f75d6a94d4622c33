import { describe, expect, test } from "vitest";
import { diffSets, mergeSets, mergeTexts } from "../lib/diff/merge";
import { condense, diffWords, hunks, tokens } from "../lib/diff/words";

/** A small generator with a seed: the same texts at each run. */
function random(seed: number): (n: number) => number {
  let s = seed;
  return (n) => {
    s = (Math.imul(s, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((s / 4_294_967_296) * n);
  };
}

const side = (pieces: ReturnType<typeof diffWords>, left: "gone" | "added") => pieces.filter((p) => p.kind !== left).map((p) => p.text).join("");

describe("word diff", () => {
  test("names the words that changed, and only those", () => {
    expect(diffWords("Keep records for seven years.", "Keep records for ten years.")).toEqual([
      { kind: "same", text: "Keep records for " }, { kind: "gone", text: "seven" }, { kind: "added", text: "ten" }, { kind: "same", text: " years." },
    ]);
  });

  test("changes with only a space between them read as one", () => {
    expect(diffWords("in seven long years", "in ten short years")).toEqual([
      { kind: "same", text: "in " }, { kind: "gone", text: "seven long" }, { kind: "added", text: "ten short" }, { kind: "same", text: " years" },
    ]);
  });

  test("empty, equal, and wholly different texts", () => {
    expect(diffWords("", "")).toEqual([]);
    expect(diffWords("a b", "a b")).toEqual([{ kind: "same", text: "a b" }]);
    expect(diffWords("", "new")).toEqual([{ kind: "added", text: "new" }]);
    expect(diffWords("old", "")).toEqual([{ kind: "gone", text: "old" }]);
  });

  test("both texts can be read back from any diff, and no shorter edit is missed in small ones", () => {
    const rnd = random(7);
    const text = () => Array.from({ length: rnd(14) }, () => "abcd"[rnd(4)]).join(" ");
    for (let i = 0; i < 3_000; i += 1) {
      const [a, b] = [text(), text()];
      const pieces = diffWords(a, b);
      expect(side(pieces, "added")).toBe(a);
      expect(side(pieces, "gone")).toBe(b);
      const steps = hunks(tokens(a), tokens(b)).reduce((n, h) => n + h.to - h.from + h.put.length, 0);
      expect(steps).toBe(shortest(tokens(a), tokens(b)));
    }
  });

  test("letters with marks and other scripts are words", () => {
    expect(tokens("Ärzte für Łódź, 株式会社")).toEqual(["Ärzte", " ", "für", " ", "Łódź", ",", " ", "株式会社"]);
  });

  test("texts that share nothing are answered at once", () => {
    const long = (word: string) => Array.from({ length: 20_000 }, (_, i) => `${word}${i}`).join(" ");
    const pieces = diffWords(long("a"), long("b"));
    expect(side(pieces, "added")).toBe(long("a"));
    expect(side(pieces, "gone")).toBe(long("b"));
  });

  test("long runs that are the same are shortened, changes never", () => {
    const same = "x".repeat(200);
    const short = condense(diffWords(`${same} old ${same}`, `${same} new ${same}`), 20);
    expect(short.filter((p) => p.kind !== "same").map((p) => p.text)).toEqual(["old", "new"]);
    expect(short.every((p) => p.text.length < 60)).toBe(true);
  });
});

/** Length of the shortest edit, by the plain table. */
function shortest(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(a[i - 1] === b[j - 1] ? (row[j - 1] ?? 0) : Math.min(row[j] ?? 0, next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

describe("taking both", () => {
  test("edits of different words are both there", () => {
    const merged = mergeTexts("Keep records for seven years.", "Keep all records for seven years.", "Keep records for ten years.");
    expect(merged).toEqual({ text: "Keep all records for ten years.", clash: false });
  });

  test("edits of the same word are both kept, and it says so", () => {
    expect(mergeTexts("for seven years", "for nine years", "for ten years")).toEqual({ text: "for ten nine years", clash: true });
  });

  test("one side only, or the same on both: that one", () => {
    expect(mergeTexts("a b", "a b", "a c")).toEqual({ text: "a c", clash: false });
    expect(mergeTexts("a b", "a c", "a b")).toEqual({ text: "a c", clash: false });
    expect(mergeTexts("a b", "a c", "a c")).toEqual({ text: "a c", clash: false });
  });

  test("no added word is lost, whatever two people did", () => {
    const rnd = random(11);
    const edit = (text: string, mark: string) => {
      const words = tokens(text);
      for (let n = 0; n < 1 + rnd(3); n += 1) words.splice(rnd(words.length + 1), rnd(3), ` ${mark}${n} `);
      return words.join("");
    };
    for (let i = 0; i < 2_000; i += 1) {
      const base = Array.from({ length: 3 + rnd(12) }, () => "abcdef"[rnd(6)]).join(" ");
      const [mine, theirs] = [edit(base, "m"), edit(base, "t")];
      const { text } = mergeTexts(base, mine, theirs);
      const words = new Set(tokens(text));
      for (const word of [...tokens(mine), ...tokens(theirs)].filter((w) => /^[mt]\d/.test(w))) expect(words.has(word), `${base} | ${mine} | ${theirs} → ${text}`).toBe(true);
    }
  });

  test("sets: additions of both, removals of either", () => {
    expect(mergeSets(["EU", "US"], ["EU", "priority"], ["EU", "US", "Asia"])).toEqual(["EU", "Asia", "priority"]);
    expect(mergeSets(null, ["a"], ["b"])).toEqual(["b", "a"]);
    expect(diffSets(["EU", "US"], ["EU", "Asia"])).toEqual({ same: ["EU"], added: ["Asia"], gone: ["US"] });
  });
});
