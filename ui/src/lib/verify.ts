// Comparing this copy with central, once at a time, from wherever it was asked.

import { verification } from "./state/verification.svelte";
import { rpc, toRpcError } from "./host";

export async function verifyCopy(): Promise<void> {
  if (verification.running) return;
  verification.running = true;
  verification.error = null;
  try {
    verification.report = await rpc("verify", {});
    verification.at = Date.now();
  } catch (raw) {
    verification.error = toRpcError(raw);
  } finally {
    verification.running = false;
  }
}
