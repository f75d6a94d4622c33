// The last comparison of this copy with central.

import type { VerifyReport } from "../generated/rpc";
import type { RpcError } from "../host";

class Verification {
  running = $state(false);
  report = $state.raw<VerifyReport | null>(null);
  at = $state<number | null>(null);
  error = $state.raw<RpcError | null>(null);
}

export const verification = new Verification();
