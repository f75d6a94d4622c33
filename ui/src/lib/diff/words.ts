// What differs between two texts, word by word: Myers' shortest edit over words, spaces and single signs.

export interface Piece {
  kind: "same" | "gone" | "added";
  text: string;
}

/** A run of words of the first text, `from` up to `to`, that became `put`. */
export interface Hunk {
  from: number;
  to: number;
  put: string[];
}

/** Texts that differ in more steps than this share too little for a diff to be readable: the middle is shown as replaced. */
const STEPS_MAX = 800;

export function tokens(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}\p{M}_]+|[^\s\p{L}\p{N}\p{M}_]/gu) ?? [];
}

/** The changes that make `b` of `a`, in their order, none touching the next. */
export function hunks(a: readonly string[], b: readonly string[]): Hunk[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const midA = a.slice(start, a.length - end);
  const midB = b.slice(start, b.length - end);
  if (midA.length === 0 && midB.length === 0) return [];
  const steps = trace(midA, midB);
  if (!steps) return [{ from: start, to: start + midA.length, put: midB }];
  return follow(midA, midB, steps).map((h) => ({ ...h, from: h.from + start, to: h.to + start }));
}

/** Furthest reach on each diagonal, for each number of steps; null beyond `STEPS_MAX`. */
function trace(a: readonly string[], b: readonly string[]): Int32Array[] | null {
  const most = Math.min(a.length + b.length, STEPS_MAX);
  let reach = new Int32Array(2 * most + 2);
  const all: Int32Array[] = [];
  for (let d = 0; d <= most; d += 1) {
    all.push(reach);
    reach = reach.slice();
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && at(reach, k - 1, most) < at(reach, k + 1, most));
      let x = down ? at(reach, k + 1, most) : at(reach, k - 1, most) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[k + most] = x;
      if (x >= a.length && x - k >= b.length) return all;
    }
  }
  return null;
}

function at(reach: Int32Array, k: number, most: number): number {
  return reach[k + most] ?? 0;
}

/** Walks the trace back from the end, gathering what was left out and put in. */
function follow(a: readonly string[], b: readonly string[], steps: readonly Int32Array[]): Hunk[] {
  const most = ((steps[0]?.length ?? 2) - 2) / 2;
  const found: Hunk[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = steps.length - 1; d > 0; d -= 1) {
    const reach = steps[d] as Int32Array;
    const k = x - y;
    const down = k === -d || (k !== d && at(reach, k - 1, most) < at(reach, k + 1, most));
    const toX = at(reach, down ? k + 1 : k - 1, most);
    const toY = toX - (down ? k + 1 : k - 1);
    const endX = down ? toX : toX + 1;
    const endY = down ? toY + 1 : toY;
    const next = found[0];
    const joined = next && next.from === endX && x === endX && y === endY;
    if (joined) {
      next.from = toX;
      if (down) next.put.unshift(b[toY] as string);
    } else {
      found.unshift({ from: toX, to: endX, put: down ? [b[toY] as string] : [] });
    }
    x = toX;
    y = toY;
  }
  return found;
}

/** What differs, for reading: changes with only a space between them are shown as one. */
export function diffWords(before: string, after: string): Piece[] {
  const a = tokens(before);
  const pieces: Piece[] = [];
  let from = 0;
  for (const hunk of readable(a, hunks(a, tokens(after)))) {
    add(pieces, "same", a.slice(from, hunk.from));
    add(pieces, "gone", a.slice(hunk.from, hunk.to));
    add(pieces, "added", hunk.put);
    from = hunk.to;
  }
  add(pieces, "same", a.slice(from));
  return pieces;
}

function readable(a: readonly string[], all: readonly Hunk[]): Hunk[] {
  const out: Hunk[] = [];
  for (const hunk of all) {
    const last = out.at(-1);
    const between = last ? a.slice(last.to, hunk.from) : [];
    if (last && between.every((t) => /^\s+$/.test(t))) {
      out[out.length - 1] = { from: last.from, to: hunk.to, put: [...last.put, ...between, ...hunk.put] };
    } else out.push(hunk);
  }
  return out;
}

function add(pieces: Piece[], kind: Piece["kind"], words: readonly string[]): void {
  if (words.length > 0) pieces.push({ kind, text: words.join("") });
}

/** Shortens long runs that are the same, for lists: `keep` characters stay beside each change. */
export function condense(pieces: readonly Piece[], keep: number): Piece[] {
  return pieces.map((piece, n) => {
    if (piece.kind !== "same" || piece.text.length <= 2 * keep + 3) return piece;
    const head = n === 0 ? "" : piece.text.slice(0, keep);
    const tail = n === pieces.length - 1 ? "" : piece.text.slice(-keep);
    return { kind: "same", text: `${head} … ${tail}` };
  });
}
