// Counts of records: what Command Center, the sector list and the collection list show.

import type { Overview, SectorCount } from "../generated/rpc";
import { rpc, toRpcError, type RpcError } from "../host";
import { subscribe, throttled } from "./bus";

const LIVE_MS = 1_000;

class OverviewState {
  value = $state.raw<Overview | null>(null);
  error = $state.raw<RpcError | null>(null);
  #users = 0;
  #stop: (() => void) | undefined;

  /** Keeps the counts fresh while somebody shows them. */
  use(): () => void {
    this.#users += 1;
    if (this.#users === 1) this.#start();
    return () => {
      this.#users -= 1;
      if (this.#users === 0) this.#stop?.();
    };
  }

  rows(collection: string): number | null {
    return this.value?.collections.find((c) => c.collection === collection)?.rows ?? null;
  }

  sector(idOrKey: string): SectorCount | undefined {
    return this.value?.sectors.find((s) => s.id === idOrKey || s.key === idOrKey);
  }

  async read(): Promise<void> {
    try {
      this.value = await rpc("overview", {});
      this.error = null;
    } catch (raw) {
      this.error = toRpcError(raw);
    }
  }

  #start(): void {
    const again = throttled(LIVE_MS, () => void this.read());
    const stop = subscribe((e) => {
      if (e.event === "changed" || e.event === "queue") again();
    });
    void this.read();
    this.#stop = () => {
      stop();
      again.cancel();
    };
  }
}

export const overview = new OverviewState();
