// One open record: read, kept fresh, edited field by field.

import type { FieldView, JsonValue, Record as OneRecord } from "../generated/rpc";
import { mergeTexts } from "../diff/merge";
import { rpc, toRpcError, type RpcError } from "../host";
import { model } from "./model.svelte";
import { onChanged, subscribe, throttled } from "./bus";
import { TINT_MS } from "./rows.svelte";
import { sameValue } from "../format/values";

const LIVE_MS = 150;

export class OpenRecord {
  record = $state.raw<OneRecord | null>(null);
  error = $state.raw<RpcError | null>(null);
  gone = $state(false);
  tinted = $state.raw<ReadonlySet<string>>(new Set());
  readonly collection: string;
  readonly id: string;
  #stopped = false;

  constructor(collection: string, id: string) {
    this.collection = collection;
    this.id = id;
  }

  /** Reads now and on every change; returns what stops it. */
  start(): () => void {
    let local = true;
    const again = throttled(LIVE_MS, () => {
      void this.read(!local);
      local = true;
    });
    const stopChanged = onChanged(this.collection, (ids, mine) => {
      if (!ids.all && !ids.ids.includes(this.record?.id ?? this.id)) return;
      local &&= mine;
      again();
    });
    // A change that is sealed or answered moves a field's state without changing a value.
    const stopQueue = subscribe((e) => {
      if (e.event === "queue" && this.record?.state !== "saved") again();
    });
    void this.read(false);
    return () => {
      this.#stopped = true;
      stopChanged();
      stopQueue();
      again.cancel();
    };
  }

  async read(tint: boolean): Promise<void> {
    try {
      const next = await rpc("get", { collection: this.collection, id: this.id });
      if (this.#stopped) return;
      if (tint && this.record) this.#tint(this.record.fields, next.fields);
      this.record = next;
      this.error = null;
      this.gone = false;
    } catch (raw) {
      const error = toRpcError(raw);
      if (this.#stopped) return;
      if (error.code === "not_found") this.gone = true;
      else this.error = error;
    }
  }

  /** Saves one field. Durable when it returns; throws what Rust refused. */
  async save(field: string, value: JsonValue, base: JsonValue): Promise<void> {
    if (model.field(this.collection, field)?.policy === "text") await this.#write(field, value, base);
    else await rpc("set", { collection: this.collection, id: this.record?.id ?? this.id, fields: { [field]: value } });
    await this.read(false);
  }

  /** A text that merges: what is here now is asked for first, so that words written meanwhile are not taken for deleted ones. */
  async #write(field: string, value: JsonValue, base: JsonValue): Promise<void> {
    const { id, fields } = await rpc("get", { collection: this.collection, id: this.record?.id ?? this.id });
    const now = text(fields.find((f) => f.name === field)?.value ?? null);
    const replace = mergeTexts(text(base), text(value), now).text;
    await rpc("text", { collection: this.collection, id, field, insert: null, delete: null, at: 0, replace });
  }

  #tint(before: FieldView[], after: FieldView[]): void {
    const old = new Map(before.map((f) => [f.name, f.value]));
    const tinted = new Set(after.filter((f) => !sameValue(old.get(f.name), f.value)).map((f) => f.name));
    if (tinted.size === 0) return;
    this.tinted = tinted;
    setTimeout(() => {
      if (this.tinted === tinted) this.tinted = new Set();
    }, TINT_MS);
  }
}

function text(value: JsonValue): string {
  return typeof value === "string" ? value : "";
}
