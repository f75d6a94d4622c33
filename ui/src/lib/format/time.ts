// Times for people: relative up to an hour, then clock time, always with the full instant at hand.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** “just now”, “4 min ago”, “14:02”, “3 Mar 14:02”, “3 Mar 2024”. */
export function ago(at: number, now: number): string {
  const age = now - at;
  if (age < -MINUTE) return absolute(at, now);
  if (age < 5_000) return "just now";
  if (age < MINUTE) return `${Math.floor(age / 1_000)} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  return absolute(at, now);
}

/** Clock time today, with the day before that, with the year in other years. */
export function absolute(at: number, now: number): string {
  const d = new Date(at);
  const n = new Date(now);
  if (d.toDateString() === n.toDateString()) return clock.format(d);
  if (d.getFullYear() === n.getFullYear()) return `${day.format(d)} ${clock.format(d)}`;
  return dayYear.format(d);
}

/** A recorded time: “8 Oct 2026 14:02”, without the clock where it is a plain day. Always with its year. */
export function recorded(at: number): string {
  const d = new Date(at);
  const plainDay = d.getHours() === 0 && d.getMinutes() === 0;
  return plainDay ? dayYear.format(d) : `${dayYear.format(d)} ${clock.format(d)}`;
}

/** The full instant, UTC and unambiguous. */
export function instant(at: number): string {
  return new Date(at).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/** “3 s”, “4 min”, “2 h 10 min”, “3 d”. */
export function duration(seconds: number): string {
  if (seconds < 1) return "under 1 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds * 1_000 < DAY) {
    const minutes = Math.floor((seconds % 3_600) / 60);
    return minutes === 0 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 3_600)} h ${minutes} min`;
  }
  return `${Math.floor((seconds * 1_000) / DAY)} d`;
}

export function parseInstant(text: string | null | undefined): number | null {
  if (!text) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** Local time as typed and shown in an editor: `2026-03-01 14:02`. */
export function localStamp(at: number): string {
  const d = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** Reads `2026-03-01`, `2026-03-01 14:02` or an RFC 3339 instant; null if it is none of them. */
export function parseStamp(text: string): number | null {
  const plain = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}))?$/.exec(text.trim());
  if (plain) {
    const [, y, m, d, h = "0", min = "0"] = plain;
    const at = new Date(Number(y), Number(m) - 1, Number(d), Number(h), Number(min));
    const same = at.getMonth() === Number(m) - 1 && at.getDate() === Number(d);
    return same && Number(h) < 24 && Number(min) < 60 ? at.getTime() : null;
  }
  return /^\d{4}-\d{2}-\d{2}T.+(Z|[+-]\d{2}:\d{2})$/.test(text.trim()) ? parseInstant(text.trim()) : null;
}
