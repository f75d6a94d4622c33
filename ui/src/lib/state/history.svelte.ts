// The history of one record, page by page, kept fresh.

import type { HistoryEntry, HistoryPage } from "../generated/rpc";
import { rpc, toRpcError, type RpcError } from "../host";
import { onChanged, subscribe, throttled } from "./bus";

const PAGE = 50;
/** As many as Rust gives at once. */
const PAGE_MAX = 1_000;
const LIVE_MS = 400;

export class History {
  entries = $state.raw<HistoryEntry[]>([]);
  page = $state.raw<Pick<HistoryPage, "local_since" | "incomplete"> | null>(null);
  error = $state.raw<RpcError | null>(null);
  /** Older ones follow. */
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
      const entries: HistoryEntry[] = [];
      let page: HistoryPage;
      do {
        const before = entries.at(-1)?.seq ?? null;
        page = await rpc("history", { collection: this.collection, id: this.id, before, offset: 0, limit: Math.min(PAGE_MAX, this.#wanted - entries.length) });
        if (generation !== this.#generation) return;
        entries.push(...page.entries);
      } while (page.more && page.entries.length > 0 && entries.at(-1)?.seq != null && entries.length < this.#wanted);
      this.entries = entries;
      this.page = page;
      this.more = page.more;
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
