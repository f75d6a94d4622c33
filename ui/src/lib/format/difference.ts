// Recorded less declared, with its sign.

import { count, UNKNOWN } from "./numbers";

export function difference(recorded: number, declared: number | null): string {
  if (declared === null) return UNKNOWN;
  const by = recorded - declared;
  return by === 0 ? "0" : by > 0 ? `+${count(by)}` : `−${count(-by)}`;
}
