// Titles of linked records, where an answer carries only their ids: in the queue, in conflicts, under a pending edit.
// Each is asked for once and asked again when its record changes.

import type { FieldInfo, JsonValue } from "../generated/rpc";
import { rpc } from "../host";
import { show } from "../format/values";
import { subscribe } from "./bus";

/** More than this is a sign of a long session, not of a screen: begin anew. */
const KEPT_MAX = 2_000;

class Titles {
  #known = $state.raw<ReadonlyMap<string, string>>(new Map());
  #asked = new Set<string>();

  constructor() {
    subscribe((event) => {
      if (event.event !== "changed") return;
      for (const [collection, ids] of Object.entries(event.collections)) {
        if (ids?.all) this.#forget((key) => key.startsWith(`${collection}/`));
        else if (ids) this.#forget((key) => ids.ids.some((id) => key === `${collection}/${id}`));
      }
    });
  }

  /** The title; undefined until it is known, and for a record that is not here. */
  of(collection: string, id: string): string | undefined {
    const key = `${collection}/${id}`;
    const title = this.#known.get(key);
    if (title === undefined && !this.#asked.has(key)) {
      this.#asked.add(key);
      void this.#ask(key, collection, id);
    }
    return title;
  }

  /** Text of a value, with links by title; an id stays an id where its record is not here. */
  show(field: FieldInfo | undefined, value: JsonValue | undefined): string {
    const target = field?.target;
    if (!target) return show(field, value);
    const name = (id: JsonValue) => (typeof id === "string" ? this.#name(target, id) : String(id));
    if (Array.isArray(value) && value.length > 0) return value.map(name).join(", ");
    return typeof value === "string" && value !== "" ? name(value) : show(field, value);
  }

  /** The title of an id, or of a step to a set: `+ id`. */
  #name(target: string, text: string): string {
    const [, step = "", id = text] = /^([+−] )(.+)$/.exec(text) ?? [];
    return `${step}${this.of(target, id) ?? id}`;
  }

  async #ask(key: string, collection: string, id: string): Promise<void> {
    try {
      const { title } = await rpc("get", { collection, id });
      const known = this.#known.size < KEPT_MAX ? new Map(this.#known) : new Map<string, string>();
      this.#known = known.set(key, title);
    } catch {
      // Not in this copy, or not to be read now: the id stands, and the next change of the record asks again.
    }
  }

  #forget(which: (key: string) => boolean): void {
    for (const key of this.#asked) if (which(key)) this.#asked.delete(key);
    const kept = [...this.#known].filter(([key]) => !which(key));
    if (kept.length < this.#known.size) this.#known = new Map(kept);
  }
}

export const titles = new Titles();
