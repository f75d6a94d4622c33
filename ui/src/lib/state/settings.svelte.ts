// Settings of this window: kept by the app, mirrored in the page's storage so that the first paint has the right theme.

import type { JsonValue } from "../generated/rpc";
import { rpc } from "../host";

export type Theme = "system" | "dark" | "light" | "contrast";
export type Density = "compact" | "normal" | "comfortable";

export interface UiSettings {
  theme: Theme;
  density: Density;
  nav: "auto" | "open" | "collapsed";
  paneWidth: number;
  singleKeys: boolean;
  columns: { [collection: string]: string[] };
}

const NAME = "ui";
const MIRROR = "omni-ui";
export const PANE_MIN = 360;
export const PANE_MAX = 480;
export const ROW_HEIGHT: Readonly<{ [key in Density]: number }> = { compact: 26, normal: 32, comfortable: 40 };

const DEFAULTS: UiSettings = {
  theme: "system",
  density: "normal",
  nav: "auto",
  paneWidth: 384,
  singleKeys: true,
  columns: {},
};

/** Takes what is stored, field by field, so that an older or damaged value cannot break the window. */
export function readSettings(raw: unknown): UiSettings {
  const stored = typeof raw === "object" && raw !== null ? (raw as { [key: string]: unknown }) : {};
  const word = <T extends string>(name: string, words: readonly T[], otherwise: T): T =>
    words.includes(stored[name] as T) ? (stored[name] as T) : otherwise;
  const width = typeof stored.paneWidth === "number" ? stored.paneWidth : DEFAULTS.paneWidth;
  const columns: UiSettings["columns"] = {};
  if (typeof stored.columns === "object" && stored.columns !== null) {
    for (const [name, list] of Object.entries(stored.columns)) {
      if (Array.isArray(list)) columns[name] = list.filter((f): f is string => typeof f === "string");
    }
  }
  return {
    theme: word("theme", ["system", "dark", "light", "contrast"], DEFAULTS.theme),
    density: word("density", ["compact", "normal", "comfortable"], DEFAULTS.density),
    nav: word("nav", ["auto", "open", "collapsed"], DEFAULTS.nav),
    paneWidth: Math.min(PANE_MAX, Math.max(PANE_MIN, width)),
    singleKeys: stored.singleKeys !== false,
    columns,
  };
}

/** The theme in force: one of the four token sets. */
export function resolveTheme(theme: Theme, osDark: boolean, osContrast: boolean): string {
  const side = theme === "dark" || (theme !== "light" && osDark) ? "dark" : "light";
  return theme === "contrast" || (theme === "system" && osContrast) ? `contrast-${side}` : side;
}

class Settings {
  value = $state<UiSettings>(readSettings(mirror()));
  osDark = $state(true);
  osContrast = $state(false);
  resolved = $derived(resolveTheme(this.value.theme, this.osDark, this.osContrast));
  rowHeight = $derived(ROW_HEIGHT[this.value.density]);
  #ready = false;

  /** Follows the system's choice of colours. */
  start(): () => void {
    const dark = window.matchMedia?.("(prefers-color-scheme: dark)");
    const contrast = window.matchMedia?.("(prefers-contrast: more)");
    if (!dark || !contrast) return () => undefined;
    const read = () => {
      this.osDark = dark.matches;
      this.osContrast = contrast.matches;
    };
    read();
    dark.addEventListener("change", read);
    contrast.addEventListener("change", read);
    return () => {
      dark.removeEventListener("change", read);
      contrast.removeEventListener("change", read);
    };
  }

  async load(): Promise<void> {
    const { value } = await rpc("settings.get", { name: NAME });
    if (value !== null) this.value = readSettings(value);
    this.#ready = true;
  }

  set(patch: Partial<UiSettings>): void {
    this.value = { ...this.value, ...patch };
    const plain = $state.snapshot(this.value);
    try {
      localStorage.setItem(MIRROR, JSON.stringify(plain));
    } catch {
      // A page without storage only loses the early theme.
    }
    if (this.#ready) void rpc("settings.set", { name: NAME, value: plain as unknown as JsonValue }).catch(() => undefined);
  }
}

function mirror(): unknown {
  try {
    return JSON.parse(localStorage.getItem(MIRROR) ?? "null");
  } catch {
    return null;
  }
}

export const settings = new Settings();
