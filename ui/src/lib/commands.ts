// The registry of what the operator can do. Palette, shortcuts and the shortcut sheet are made from it, and nothing else.

import { rpc } from "./host";
import { redoLast, undoLast } from "./state/deeds.svelte";
import { notices } from "./state/notices.svelte";
import { router, type Screen } from "./state/route.svelte";
import { settings, type Density, type Theme } from "./state/settings.svelte";
import { sync } from "./state/sync.svelte";
import { panels } from "./state/panels.svelte";
import { verifyCopy } from "./verify";

export interface UiCommand {
  id: string;
  group: "Go to" | "Edit" | "Synchronise" | "View" | "Help";
  label: string;
  /** As typed: `Ctrl+K`, `?`, or two keys in a row, `g q`. */
  keys?: string;
  /** Why it cannot run now; empty if it can. */
  unavailable?: () => string;
  run: () => void | Promise<void>;
}

const go = (screen: Screen, label: string, keys: string): UiCommand => ({
  id: `go.${screen}`,
  group: "Go to",
  label,
  keys,
  run: () => router.go(screen),
});

const theme = (value: Theme, label: string): UiCommand => ({
  id: `theme.${value}`,
  group: "View",
  label,
  run: () => settings.set({ theme: value }),
});

const density = (value: Density, label: string): UiCommand => ({
  id: `density.${value}`,
  group: "View",
  label,
  run: () => settings.set({ density: value }),
});

const paused = () => sync.view.state === "paused";

/** Runs a call and says how it went; the words come from Rust. */
async function attempt(key: string, done: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
    notices.close(key);
    if (done !== "") notices.say(key, done);
    await sync.ask();
  } catch (raw) {
    notices.fail(key, raw);
  }
}

export const syncNow = () => attempt("sync", "Exchanging with central", () => rpc("sync.now", {}));
export const pause = () => attempt("sync", "Paused. Keep working; edits wait here", () => rpc("sync.pause", {}));
export const resume = () => attempt("sync", "Resumed", () => rpc("sync.resume", {}));

export const COMMANDS: readonly UiCommand[] = [
  go("home", "Command Center", "g h"),
  go("brands", "Sectors & Brands", "g b"),
  go("records", "Records", "g r"),
  go("queue", "Queue", "g q"),
  go("conflicts", "Conflicts", "g c"),
  go("monitor", "Sync monitor", "g m"),
  go("settings", "Settings", "g s"),
  { id: "go.attention", group: "Go to", label: "Changes that need you", keys: "g a", run: () => router.go("conflicts", { show: "attention" }) },
  { id: "edit.undo", group: "Edit", label: "Take back my last change", keys: "Ctrl+Z", run: undoLast },
  { id: "edit.redo", group: "Edit", label: "Do again what I took back", keys: "Ctrl+Shift+Z", run: redoLast },
  { id: "edit.device", group: "Edit", label: "Take back what a device did in a time…", run: () => { panels.deviceRollback = { device: "", from: "", to: "" }; } },
  { id: "sync.now", group: "Synchronise", label: "Sync now", keys: "Alt+S", unavailable: () => (paused() ? "Synchronising is paused. Resume it first." : ""), run: syncNow },
  { id: "sync.pause", group: "Synchronise", label: "Pause synchronising", unavailable: () => (paused() ? "It is paused already." : ""), run: pause },
  { id: "sync.resume", group: "Synchronise", label: "Resume synchronising", unavailable: () => (paused() ? "" : "It is not paused."), run: resume },
  { id: "sync.verify", group: "Synchronise", label: "Verify my copy", run: () => { router.go("monitor"); void verifyCopy(); } },
  { id: "view.search", group: "View", label: "Search this table", keys: "/", run: () => document.querySelector<HTMLElement>("[data-shortcut=search]")?.focus() },
  { id: "view.nav", group: "View", label: "Collapse or expand navigation", keys: "Ctrl+B", run: () => settings.set({ nav: panels.navOpen ? "collapsed" : "open" }) },
  theme("system", "Theme: follow the system"),
  theme("dark", "Theme: dark"),
  theme("light", "Theme: light"),
  theme("contrast", "Theme: high contrast"),
  density("compact", "Rows: compact"),
  density("normal", "Rows: normal"),
  density("comfortable", "Rows: comfortable"),
  { id: "help.palette", group: "Help", label: "Find a record or command", keys: "Ctrl+K", run: () => { panels.palette = true; } },
  { id: "help.shortcuts", group: "Help", label: "Keyboard shortcuts", keys: "?", run: () => { panels.shortcuts = true; } },
];

/** Keys that the tables and editors handle themselves, for the sheet. */
export const LOCAL_KEYS: readonly { keys: string; label: string }[] = [
  { keys: "↑ ↓", label: "Move the cursor by rows (also j, k)" },
  { keys: "← →", label: "Move the cursor by cells" },
  { keys: "PgUp PgDn", label: "Move by a page" },
  { keys: "Home End", label: "First and last row" },
  { keys: "Enter", label: "Open the record, edit the field, save the edit" },
  { keys: "F2", label: "Edit the field under the cursor" },
  { keys: "Tab", label: "Save the edit and go on to the next field" },
  { keys: "Esc", label: "Drop the edit, close the pane" },
  { keys: "1 2 3 4", label: "Conflict: take mine, central’s, before both, both" },
  { keys: "e", label: "Conflict: write the result by hand" },
  { keys: "Ctrl Enter", label: "Conflict: apply the choice, go on to the next" },
  { keys: "x", label: "Conflict: select it (also Space; Shift with arrows; Ctrl A)" },
  { keys: "u", label: "Conflict: take back the last decision" },
];

const SEQUENCE_MS = 1_200;

/** Reads key presses and says which command they mean. */
export class Keys {
  #first = "";
  #at = 0;

  /** The command of this press; undefined if it means none, or starts a pair. */
  press(event: KeyboardEvent, singleKeys: boolean, now: number): UiCommand | undefined {
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (chord) {
      const name = `${event.altKey ? "Alt" : "Ctrl"}+${event.shiftKey ? "Shift+" : ""}${event.key.toUpperCase()}`;
      // Typed text has an undo of its own.
      if (/\+Z$/.test(name) && isTyping(event.target)) return undefined;
      return COMMANDS.find((c) => c.keys === name);
    }
    if (!singleKeys || isTyping(event.target)) return undefined;
    const pair = now - this.#at < SEQUENCE_MS && this.#first !== "" ? `${this.#first} ${event.key}` : "";
    this.#first = "";
    const found = COMMANDS.find((c) => c.keys === pair || c.keys === event.key);
    if (!found && COMMANDS.some((c) => c.keys?.startsWith(`${event.key} `))) {
      this.#first = event.key;
      this.#at = now;
    }
    return found;
  }
}

function isTyping(target: EventTarget | null): boolean {
  // Boxes to tick take no text.
  if (target instanceof HTMLInputElement && ["radio", "checkbox"].includes(target.type)) return false;
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** Best first: start of the label, start of a word, anywhere; every typed word must be there. */
export function matchCommands(text: string): UiCommand[] {
  const words = text.toLowerCase().split(/\s+/).filter((w) => w !== "");
  const score = (c: UiCommand) => {
    const label = `${c.label} ${c.group}`.toLowerCase();
    if (!words.every((w) => label.includes(w))) return -1;
    if (words.length === 0) return 1;
    return label.startsWith(words[0] ?? "") ? 3 : label.includes(` ${words[0]}`) ? 2 : 1;
  };
  return COMMANDS.map((c) => ({ c, s: score(c) })).filter(({ s }) => s >= 0).sort((a, b) => b.s - a.s).map(({ c }) => c);
}
