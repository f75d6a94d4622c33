// The one next action of each synchronisation state.

import { syncNow, resume } from "../lib/commands";
import { app } from "../lib/state/app.svelte";
import { router } from "../lib/state/route.svelte";
import { sync } from "../lib/state/sync.svelte";
import { verifyCopy } from "../lib/verify";

/** Does what the state's button says. */
export function doAction(state: string): void {
  switch (state) {
    case "paused":
      void resume();
      break;
    case "offline":
    case "central_unreachable":
    case "catching_up":
      void syncNow();
      break;
    case "unknown":
      if (sync.link.up) void syncNow();
      else void app.refresh().then(() => sync.ask());
      break;
    case "needs_attention":
      router.go((sync.status?.conflicts ?? 0) > 0 ? "conflicts" : "queue");
      break;
    case "in_sync":
      router.go("monitor");
      void verifyCopy();
      break;
    case "locked":
      void app.refresh();
      break;
    default:
      router.go("queue");
  }
}

/** States whose button leads somewhere in this window; the others only tell what to do. */
export function canAct(state: string): boolean {
  return !["device_removed", "signed_out", "update_required", "disk_full", "recovery"].includes(state);
}
