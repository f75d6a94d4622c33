// The history of one record, page by page, kept fresh.

import type { HistoryEntry, HistoryPage } from "../generated/rpc";
import { rpc, toRpcError, type RpcError } from "../host";
import { onChanged, subscribe, throttled } from "./bus";

const PAGE = 50;
const LIVE_MS = 400;

export class History {
  entries = $state.raw<HistoryEntry[]>([]);
  page = $state.raw<Pick<HistoryPage, "local_since" | "incomplete"> | null>(null);
  error = $state.raw<RpcError | null>(null);
  /** The last page was full: there may be more. */
  more = $state(false);
  #wanted = PAGE;
  #generation = 0;
  readonly collection: string;
  readonly id: string;

  constructor(collection: string, id: string) {
    this.collection = collection;
    this.id = id;
  }

  start(): () => void {
    const again = throttled(LIVE_MS, () => void this.read());
    const stops = [
      onChanged(this.collection, (ids) => {
        if (ids.all || ids.ids.includes(this.id)) again();
      }),
      subscribe((e) => {
        if (e.event === "queue") again();
      }),
    ];
    void this.read();
    return () => {
      this.#generation += 1;
      for (const stop of stops) stop();
      again.cancel();
    };
  }

  async read(): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    try {
      const page = await rpc("history", { collection: this.collection, id: this.id, offset: 0, limit: this.#wanted });
      if (generation !== this.#generation) return;
      this.entries = page.entries;
      this.page = page;
      this.more = page.entries.length >= this.#wanted;
      this.error = null;
    } catch (raw) {
      if (generation === this.#generation) this.error = toRpcError(raw);
    }
  }

  older(): void {
    this.#wanted += PAGE;
    void this.read();
  }
}
