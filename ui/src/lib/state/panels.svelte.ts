// What lies over the screens: palette, shortcut sheet; and how wide the window is.

import type { DeviceTarget } from "../generated/rpc";
import { settings } from "./settings.svelte";

/** Narrower windows show the navigation as icons unless the operator chose otherwise. */
const NAV_AUTO_PX = 1_360;

/** Where the keyboard goes when a record is opened from a table. */
export interface Aim {
  field: string;
  edit: boolean;
}

class Panels {
  /** Set by a table, taken by the pane as soon as its record is there. */
  aim = $state.raw<Aim | null>(null);
  palette = $state(false);
  shortcuts = $state(false);
  /** Asks which device and which time to take back; what is known already is filled in. */
  deviceRollback = $state.raw<DeviceTarget | null>(null);
  windowWidth = $state(window.innerWidth);
  navOpen = $derived(settings.value.nav === "open" || (settings.value.nav === "auto" && this.windowWidth >= NAV_AUTO_PX));
}

export const panels = new Panels();
