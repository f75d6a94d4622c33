// The collections with their fields, as Rust describes them.

import type { ChangedIds, CollectionInfo, CommandInfo, FieldInfo } from "../generated/rpc";
import { rpc } from "../host";

class Model {
  collections = $state.raw<CollectionInfo[]>([]);
  commands = $state.raw<CommandInfo[]>([]);

  async load(): Promise<void> {
    const [collections, commands] = await Promise.all([rpc("collections", {}), rpc("commands", {})]);
    this.collections = collections;
    this.commands = commands;
  }

  get(name: string): CollectionInfo | undefined {
    return this.collections.find((c) => c.name === name);
  }

  field(collection: string, name: string): FieldInfo | undefined {
    return this.get(collection)?.fields.find((f) => f.name === name);
  }

  fieldLabel(collection: string, name: string): string {
    return this.field(collection, name)?.label ?? (name === "*" ? "Whole record" : name);
  }

  /** An event body that says everything may have changed. */
  allChanged(): { [key: string]: ChangedIds } {
    return Object.fromEntries(this.collections.map((c) => [c.name, { all: true, ids: [] }]));
  }
}

export const model = new Model();
