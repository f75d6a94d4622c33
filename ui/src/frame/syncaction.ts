// The one next action of each synchronisation state.

import { syncNow, resume } from "../lib/commands";
import { rpc } from "../lib/host";
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
      if ((sync.status?.conflicts ?? 0) > 0) router.go("conflicts");
      else void openWhatNeedsYou();
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

/** The queue, narrowed to the first state that needs a person: among 10,000 waiting edits one refused is not found by eye. */
async function openWhatNeedsYou(): Promise<void> {
  for (const state of ["rejected", "held", "blocked"]) {
    const found = await rpc("queue", { state, offset: 0, limit: 1 }).catch(() => null);
    if (found && found.total > 0) return router.go("queue", { state });
  }
  router.go("queue");
}

/** States whose button leads somewhere in this window; the others only tell what to do. */
export function canAct(state: string): boolean {
  return !["device_removed", "history_rewritten", "signed_out", "update_required", "disk_full", "recovery"].includes(state);
}
