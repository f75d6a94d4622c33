// Two edits of one value joined: for “take both”, and for text that central changed while it was being typed.

import type { JsonValue } from "../generated/rpc";
import { hunks, tokens, type Hunk } from "./words";

export interface MergedText {
  text: string;
  /** Both changed the same words: the other's stand first, then these. */
  clash: boolean;
}

interface Block {
  from: number;
  to: number;
  theirs: Hunk[];
  mine: Hunk[];
}

/** Words changed by either stay changed. Where both changed the same words, both are kept, theirs first. */
export function mergeTexts(base: string, mine: string, theirs: string): MergedText {
  if (mine === theirs || base === mine) return { text: theirs, clash: false };
  if (base === theirs) return { text: mine, clash: false };
  const a = tokens(base);
  let out = "";
  let from = 0;
  let clash = false;
  for (const block of blocks(hunks(a, tokens(theirs)), hunks(a, tokens(mine)))) {
    out += a.slice(from, block.from).join("");
    const [t, m] = [apply(a, block, block.theirs), apply(a, block, block.mine)];
    if (block.mine.length === 0 || t === m) out += t;
    else if (block.theirs.length === 0) out += m;
    else {
      clash = true;
      out += apart(t, m);
    }
    from = block.to;
  }
  return { text: out + a.slice(from).join(""), clash };
}

function apart(first: string, second: string): string {
  const spaced = first === "" || second === "" || /\s$/.test(first) || /^\s/.test(second);
  return spaced ? first + second : `${first} ${second}`;
}

/** Changes of both sides in the order of the base, those that overlap or touch in one block. */
function blocks(theirs: readonly Hunk[], mine: readonly Hunk[]): Block[] {
  const all = [...theirs.map((hunk) => ({ hunk, own: false })), ...mine.map((hunk) => ({ hunk, own: true }))];
  all.sort((x, y) => x.hunk.from - y.hunk.from || x.hunk.to - y.hunk.to);
  const out: Block[] = [];
  for (const { hunk, own } of all) {
    let block = out.at(-1);
    if (!block || hunk.from > block.to || (hunk.from === block.to && block.to > block.from && hunk.to > hunk.from)) {
      block = { from: hunk.from, to: hunk.to, theirs: [], mine: [] };
      out.push(block);
    }
    block.to = Math.max(block.to, hunk.to);
    (own ? block.mine : block.theirs).push(hunk);
  }
  return out;
}

function apply(a: readonly string[], block: Block, changes: readonly Hunk[]): string {
  let out = "";
  let from = block.from;
  for (const hunk of changes) {
    out += a.slice(from, hunk.from).join("") + hunk.put.join("");
    from = hunk.to;
  }
  return out + a.slice(from, block.to).join("");
}

export interface SetDiff {
  same: JsonValue[];
  added: JsonValue[];
  gone: JsonValue[];
}

export function listOf(value: JsonValue | undefined): JsonValue[] {
  if (Array.isArray(value)) return value;
  return value === null || value === undefined || value === "" ? [] : [value];
}

export function diffSets(before: JsonValue | undefined, after: JsonValue | undefined): SetDiff {
  const [a, b] = [listOf(before), listOf(after)];
  return { same: b.filter((x) => a.includes(x)), added: b.filter((x) => !a.includes(x)), gone: a.filter((x) => !b.includes(x)) };
}

/** What both added is in; what either took out is out, unless the other added it. */
export function mergeSets(base: JsonValue, mine: JsonValue, theirs: JsonValue): JsonValue[] {
  const own = diffSets(base, mine);
  const kept = listOf(theirs).filter((x) => !own.gone.includes(x));
  return [...kept, ...own.added.filter((x) => !kept.includes(x))];
}
