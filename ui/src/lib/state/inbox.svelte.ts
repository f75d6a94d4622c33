// The conflict inbox: what is listed, what is selected, what was settled here and is still on its way.

import type { ConflictRow, ResolveArgs, ResolvedMany } from "../generated/rpc";
import { plural } from "../format/numbers";
import { rpc, toRpcError, type RpcError } from "../host";
import { bulkSentence } from "../conflicts/words";
import { subscribe, throttled } from "./bus";
import { notices } from "./notices.svelte";
import { sync } from "./sync.svelte";

export type Decided = "open" | "auto" | "person";

/** Items asked for at once: as many as Rust gives. */
const PAGE = 1_000;
const LIVE_MS = 300;
const TABS: readonly Decided[] = ["open", "auto", "person"];

class Inbox {
  items = $state.raw<ConflictRow[]>([]);
  totals = $state.raw<{ [tab in Decided]: number | null }>({ open: null, auto: null, person: null });
  error = $state.raw<RpcError | null>(null);
  loaded = $state(false);
  selected = $state.raw<ReadonlySet<string>>(new Set());
  wanted = $state(PAGE);
  #tab: Decided = "open";
  #generation = 0;
  #deeds: { changes: string[]; title: string }[] = [];

  /** Shows one tab and keeps it fresh; returns what stops it. */
  use(tab: Decided): () => void {
    if (tab !== this.#tab) {
      this.#tab = tab;
      this.items = [];
      this.loaded = false;
      this.selected = new Set();
      this.wanted = PAGE;
    }
    const again = throttled(LIVE_MS, () => void this.read());
    const stop = subscribe((e) => {
      if (e.event === "changed" || e.event === "queue") again();
    });
    void this.read();
    return () => {
      stop();
      again.cancel();
    };
  }

  async read(): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    try {
      const rows: ConflictRow[] = [];
      let total = 0;
      do {
        const page = await rpc("conflicts", { decided: this.#tab, offset: rows.length, limit: Math.min(PAGE, this.wanted - rows.length) });
        if (generation !== this.#generation) return;
        total = page.total;
        rows.push(...page.rows);
        if (page.rows.length === 0) break;
      } while (rows.length < Math.min(total, this.wanted));
      const others = await Promise.all(TABS.map(async (tab) => (tab === this.#tab ? total : (await rpc("conflicts", { decided: tab, offset: 0, limit: 1 })).total)));
      if (generation !== this.#generation) return;
      this.#take(rows, { open: others[0] ?? null, auto: others[1] ?? null, person: others[2] ?? null });
    } catch (raw) {
      if (generation !== this.#generation) return;
      this.error = toRpcError(raw);
      this.loaded = true;
    }
  }

  more(): void {
    this.wanted += PAGE;
    void this.read();
  }

  #take(rows: ConflictRow[], totals: { [tab in Decided]: number | null }): void {
    this.items = rows;
    this.totals = totals;
    this.error = null;
    this.loaded = true;
    const here = new Map(rows.map((r) => [r.id, r]));
    if ([...this.selected].some((id) => !here.has(id))) this.selected = new Set([...this.selected].filter((id) => here.has(id)));
  }

  /** Settles one item. Throws what Rust refused: the caller keeps what was typed. */
  async settle(item: ConflictRow, args: ResolveArgs): Promise<void> {
    const made = await rpc("conflicts.resolve", args);
    if (made.change) this.#deeds.push({ changes: [made.change], title: item.title });
    notices.say("conflict", `Settled: ${item.title}`, made.change ? () => void this.undo() : undefined);
    void sync.ask();
    await this.read();
  }

  /** Settles many with one side. What failed stays selected. */
  async settleMany(items: readonly ConflictRow[], take: string): Promise<ResolvedMany> {
    const answer = await rpc("conflicts.resolve_many", { ids: items.map((i) => i.id), take });
    const failed = new Set(answer.failed.map((f) => f.id));
    if (answer.changes.length > 0) this.#deeds.push({ changes: answer.changes, title: plural(answer.done, "item", "items") });
    this.selected = failed;
    notices.say("conflict", bulkSentence(answer.done, answer.failed.length), answer.changes.length > 0 ? () => void this.undo() : undefined);
    void sync.ask();
    await this.read();
    return answer;
  }

  /** Takes back the last decision made in this window; one made earlier is chosen again in its list. */
  async undo(): Promise<void> {
    const deed = this.#deeds.pop();
    if (!deed) return notices.say("conflict", "No decision of this session is left to take back. Earlier ones are under Settled.");
    try {
      while (deed.changes.length > 0) {
        await rpc("undo", { change: deed.changes.at(-1) ?? "" });
        deed.changes.pop();
      }
      notices.say("conflict", `Took back the decision on ${deed.title}`);
    } catch (raw) {
      this.#deeds.push(deed);
      notices.fail("conflict", raw);
    }
    void sync.ask();
    void this.read();
  }

  toggle(ids: readonly string[], on?: boolean): void {
    const next = new Set(this.selected);
    const add = on ?? ids.some((id) => !next.has(id));
    for (const id of ids) {
      if (add) next.add(id);
      else next.delete(id);
    }
    this.selected = next;
  }

  clear(): void {
    this.selected = new Set();
  }
}

export const inbox = new Inbox();
