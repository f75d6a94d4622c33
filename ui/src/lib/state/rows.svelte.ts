// A long list of which only windows are here. Live updates change rows in place and never move them while they are
// being read; what is newer is offered by a count.

import { toRpcError, type RpcError } from "../host";

/** Rows asked for at once. */
export const PAGE_ROWS = 100;
/** Pages kept; those far from what is visible go first. */
const PAGES_MAX = 24;
/** Windows asked for at once. A scrollbar dragged over thousands of rows asks for those where it comes to rest. */
const FILLS_MAX = 3;
/** A changed cell stays tinted this long. */
export const TINT_MS = 600;

export interface RowsPage<T> {
  total: number;
  rows: T[];
}

export interface RowSource<T> {
  fetch(offset: number, limit: number): Promise<RowsPage<T>>;
  key(row: T): string;
  /** Names of the cells that differ. */
  diff(before: T, after: T): string[];
  /** One row that left its place: its present form, or null if it is gone. */
  one?(key: string): Promise<T | null>;
}

export class Rows<T> {
  total = $state(0);
  loaded = $state(false);
  error = $state.raw<RpcError | null>(null);
  /** Rows more than shown; negative if fewer; null if the order is as shown. */
  newer = $state<number | null>(null);
  /** How many there are by now, whether they are shown yet or not. */
  present = $derived(this.total + (this.newer ?? 0));
  tinted = $state.raw<ReadonlyMap<string, ReadonlySet<string>>>(new Map());
  gone = $state.raw<ReadonlySet<string>>(new Set());
  #version = $state(0);
  #pages = new Map<number, T[]>();
  #asked = new Set<number>();
  #source: RowSource<T>;
  #generation = 0;
  #filling = 0;
  #first = 0;
  #last = PAGE_ROWS - 1;

  constructor(source: RowSource<T>) {
    this.#source = source;
  }

  /** Another query. Rows of the old one stay until the first page of the new one is here. */
  async reset(source: RowSource<T> = this.#source): Promise<void> {
    this.#source = source;
    this.#generation += 1;
    const generation = this.#generation;
    this.#asked.clear();
    const page = Math.floor(this.#first / PAGE_ROWS);
    try {
      let got = await this.#load(page);
      let at = page;
      if (generation !== this.#generation) return;
      if (got.rows.length === 0 && got.total > 0) {
        at = 0;
        got = await this.#load(0);
        if (generation !== this.#generation) return;
      }
      this.#pages = new Map([[at, got.rows]]);
      this.#asked.add(at);
      this.total = got.total;
      this.newer = null;
      this.gone = new Set();
      this.error = null;
      this.loaded = true;
      this.#version += 1;
      this.show(this.#first, this.#last);
    } catch (raw) {
      if (generation !== this.#generation) return;
      this.error = toRpcError(raw);
      this.loaded = true;
    }
  }

  row(index: number): T | undefined {
    void this.#version;
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  /** Back to the top: before a query that shows other rows. */
  rewind(): void {
    this.#first = 0;
    this.#last = PAGE_ROWS - 1;
  }

  /** Says what is visible; asks for what is missing. */
  show(first: number, last: number): void {
    this.#first = Math.max(0, first);
    this.#last = last;
    if (!this.loaded) return;
    const end = Math.min(last, this.total - 1);
    for (let page = Math.floor(this.#first / PAGE_ROWS); page * PAGE_ROWS <= end; page += 1) {
      if (!this.#asked.has(page) && this.#filling < FILLS_MAX) void this.#fill(page);
    }
  }

  /** Asks again for what is visible. `hold`: rows keep their places, only their cells change. */
  async refresh(hold: boolean, tint = true): Promise<void> {
    if (!this.loaded || this.total === 0 || !hold) return this.reset();
    const generation = this.#generation;
    try {
      const pages = this.#visiblePages();
      const got = await Promise.all(pages.map((page) => this.#load(page)));
      if (generation !== this.#generation) return;
      await this.#merge(pages, got, generation, tint);
      this.error = null;
    } catch (raw) {
      if (generation === this.#generation) this.error = toRpcError(raw);
    }
  }

  /** The row of a key, if it is among those here. */
  find(key: string): T | undefined {
    void this.#version;
    for (const rows of this.#pages.values()) {
      const row = rows.find((r) => this.#source.key(r) === key);
      if (row) return row;
    }
    return undefined;
  }

  #visiblePages(): number[] {
    const pages = [];
    for (let page = Math.floor(this.#first / PAGE_ROWS); page <= Math.floor(this.#last / PAGE_ROWS); page += 1) {
      if (this.#pages.has(page)) pages.push(page);
    }
    return pages;
  }

  async #merge(pages: number[], got: RowsPage<T>[], generation: number, tint: boolean): Promise<void> {
    const { key, diff } = this.#source;
    const fresh = new Map(got.flatMap((g) => g.rows).map((row) => [key(row), row]));
    const tinted = new Map<string, Set<string>>();
    const gone = new Set(this.gone);
    let moved = false;
    for (const [n, page] of pages.entries()) {
      const held = this.#pages.get(page) ?? [];
      const order = got[n]?.rows.map(key) ?? [];
      moved ||= held.length !== order.length || held.some((row, i) => key(row) !== order[i]);
      for (const [i, before] of held.entries()) {
        const visible = page * PAGE_ROWS + i >= this.#first && page * PAGE_ROWS + i <= this.#last;
        const after = fresh.get(key(before)) ?? (visible ? await this.#single(key(before), gone) : before);
        if (generation !== this.#generation) return;
        if (!after) continue;
        const cells = diff(before, after);
        if (cells.length > 0) tinted.set(key(before), new Set(cells));
        held[i] = after;
      }
    }
    for (const page of [...this.#pages.keys()]) {
      if (!pages.includes(page)) this.#forget(page);
    }
    const total = got[0]?.total ?? this.total;
    this.newer = moved || total !== this.total ? total - this.total : this.newer;
    this.gone = gone;
    this.#version += 1;
    if (tint && tinted.size > 0) this.#tint(tinted);
  }

  async #single(key: string, gone: Set<string>): Promise<T | null> {
    if (!this.#source.one) {
      gone.add(key);
      return null;
    }
    const row = await this.#source.one(key);
    if (!row) gone.add(key);
    return row;
  }

  #tint(tinted: ReadonlyMap<string, ReadonlySet<string>>): void {
    this.tinted = tinted;
    setTimeout(() => {
      if (this.tinted === tinted) this.tinted = new Map();
    }, TINT_MS);
  }

  #load(page: number): Promise<RowsPage<T>> {
    return this.#source.fetch(page * PAGE_ROWS, PAGE_ROWS);
  }

  async #fill(page: number): Promise<void> {
    const generation = this.#generation;
    this.#asked.add(page);
    this.#filling += 1;
    try {
      const got = await this.#load(page);
      if (generation !== this.#generation) return;
      this.#pages.set(page, got.rows);
      if (got.total !== this.total) this.newer = got.total - this.total;
      this.#evict(page);
      this.#version += 1;
    } catch (raw) {
      if (generation !== this.#generation) return;
      this.#asked.delete(page);
      this.error = toRpcError(raw);
      return;
    } finally {
      this.#filling -= 1;
    }
    this.show(this.#first, this.#last);
  }

  #evict(near: number): void {
    const far = [...this.#pages.keys()].sort((a, b) => Math.abs(b - near) - Math.abs(a - near));
    for (const page of far.slice(0, Math.max(0, far.length - PAGES_MAX))) this.#forget(page);
  }

  #forget(page: number): void {
    this.#pages.delete(page);
    this.#asked.delete(page);
  }
}
