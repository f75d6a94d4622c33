// Numbers for people. Unknown is a word, never a zero.

export const UNKNOWN = "unknown";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? UNKNOWN : whole.format(n);
}

/** “1 edit”, “2,000 edits”. */
export function plural(n: number, one: string, many: string): string {
  return `${whole.format(n)} ${n === 1 ? one : many}`;
}

export function dollars(n: number): string {
  return money.format(n);
}

export function decimal(n: number, scale: number): string {
  return new Intl.NumberFormat("en-US", { minimumFractionDigits: scale, maximumFractionDigits: scale }).format(n);
}

/** Bytes in units of 1,000: “312 B”, “4.2 kB”, “1.30 MB”. */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return UNKNOWN;
  if (n < 1_000) return `${whole.format(n)} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = n / 1_000;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`;
}

export function milliseconds(n: number | null | undefined): string {
  if (n === null || n === undefined) return UNKNOWN;
  if (n < 10) return `${n.toFixed(1)} ms`;
  if (n < 10_000) return `${whole.format(n)} ms`;
  return `${(n / 1_000).toFixed(1)} s`;
}

/** A share as a percentage. 1 is “100 %” only when it is exactly 1. */
export function percent(share: number | null | undefined, places = 2): string {
  if (share === null || share === undefined) return UNKNOWN;
  const shown = share < 1 ? Math.min(share * 100, 100 - 10 ** -places) : 100 * share;
  return `${share === 1 ? "100" : decimal(shown, places)} %`;
}
