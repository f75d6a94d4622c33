// Typed text that is not saved yet. It survives sorting, closing the pane and a crash: it is stored while you type.
// Each draft is a setting of its own, listed in one index: a setting has a size limit, and typing must never meet it
// because of other drafts.

import type { JsonValue } from "../generated/rpc";
import { rpc } from "../host";
import { notices } from "./notices.svelte";

const INDEX = "drafts";
/** Typed text is handed to the disk at most this long after the key; 250 ms is what may be lost. */
const STORE_MS = 150;

export interface Draft {
  text: string;
  /** The value the operator saw when typing began, as JSON. */
  base: JsonValue;
  at: number;
}

export function draftKey(collection: string, id: string, field: string): string {
  return `${collection}/${id}/${field}`;
}

const nameOf = (key: string) => `draft/${key}`;

class Drafts {
  all = $state<{ [key: string]: Draft }>({});
  #unstored = new Set<string>();
  #indexed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #storing: Promise<void> = Promise.resolve();

  /** Stores at once what is left when the page goes. Returns what stops it. */
  start(): () => void {
    const leave = () => {
      if (document.hidden) void this.store();
    };
    const go = () => void this.store();
    document.addEventListener("visibilitychange", leave);
    window.addEventListener("pagehide", go);
    return () => {
      document.removeEventListener("visibilitychange", leave);
      window.removeEventListener("pagehide", go);
    };
  }

  async load(): Promise<void> {
    const { value } = await rpc("settings.get", { name: INDEX });
    if (!Array.isArray(value)) return;
    const keys = value.filter((k): k is string => typeof k === "string");
    this.#indexed = new Set(keys);
    const stored = await Promise.all(keys.map((key) => rpc("settings.get", { name: nameOf(key) })));
    for (const [n, key] of keys.entries()) {
      const draft = readDraft(stored[n]?.value ?? null);
      if (draft && !(key in this.all)) this.all[key] = draft;
    }
  }

  get(key: string): Draft | undefined {
    return this.all[key];
  }

  put(key: string, text: string, base: JsonValue): void {
    this.all[key] = { text, base, at: Date.now() };
    this.#later(key);
  }

  drop(key: string): void {
    if (!(key in this.all)) return;
    delete this.all[key];
    this.#later(key);
  }

  /** Stores what is not stored yet, after what is being stored: the disk sees the keys in the order they were typed. */
  store(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const keys = [...this.#unstored];
    this.#unstored.clear();
    if (keys.length > 0) this.#storing = this.#storing.then(() => this.#write(keys));
    return this.#storing;
  }

  #later(key: string): void {
    this.#unstored.add(key);
    this.#timer ??= setTimeout(() => void this.store(), STORE_MS);
  }

  /** The index goes first: an entry without a text does no harm, a text without an entry would be lost. */
  async #write(keys: string[]): Promise<void> {
    const indexed = new Set(this.#indexed);
    for (const key of keys) {
      if (key in this.all) indexed.add(key);
      else indexed.delete(key);
    }
    try {
      if ([...indexed].join() !== [...this.#indexed].join()) await rpc("settings.set", { name: INDEX, value: [...indexed] });
      this.#indexed = indexed;
      for (const key of keys) await rpc("settings.set", { name: nameOf(key), value: asJson(this.all[key]) });
      notices.close(INDEX);
    } catch (raw) {
      for (const key of keys) this.#unstored.add(key);
      notices.fail(INDEX, raw);
    }
  }
}

function asJson(draft: Draft | undefined): JsonValue {
  return draft ? { text: draft.text, base: draft.base, at: draft.at } : null;
}

function readDraft(raw: JsonValue): Draft | null {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw) || typeof raw.text !== "string") return null;
  return { text: raw.text, base: raw.base ?? null, at: Number(raw.at) };
}

export const drafts = new Drafts();
