// A host that answers by script: for tests only.
import type { CollectionInfo, Commands, ConflictField, ConflictRow, FieldInfo, Record as OneRecord, RowView, Status, UiEvent } from "../lib/generated/rpc";
import { RpcError, useHost, type CommandName, type Host, type LinkState } from "../lib/host";
import { model } from "../lib/state/model.svelte";

type Script = { [C in CommandName]?: (args: Commands[C]["args"]) => Commands[C]["reply"] | Promise<Commands[C]["reply"]> };

export interface Scripted {
  calls: { command: CommandName; args: unknown }[];
  of: (command: CommandName) => unknown[];
  script: Script;
  push: (event: UiEvent) => void;
  link: (link: LinkState) => void;
}

/** Puts the scripted host in place. A command without an answer fails, naming itself. */
export function scripted(script: Script): Scripted {
  const calls: Scripted["calls"] = [];
  const listeners = new Set<(event: UiEvent) => void>();
  const links = new Set<(link: LinkState) => void>();
  const self: Scripted = {
    calls,
    of: (command) => calls.filter((c) => c.command === command).map((c) => c.args),
    script: {
      "settings.get": ({ name }) => ({ name, value: null }),
      "settings.set": () => ({}),
      "app.painted": () => ({}),
      commands: () => [],
      ...script,
    },
    push: (event) => listeners.forEach((l) => l(event)),
    link: (link) => links.forEach((l) => l(link)),
  };
  const host: Host = {
    kind: "scripted",
    async call(command, args) {
      calls.push({ command, args });
      const answer = self.script[command];
      if (!answer) throw new Error(`The script has no answer for ${command}.`);
      return answer(args as never) as never;
    },
    listen(onEvent, onLink) {
      listeners.add(onEvent);
      links.add(onLink);
      return () => {
        listeners.delete(onEvent);
        links.delete(onLink);
      };
    },
  };
  useHost(host);
  return self;
}

export function refusal(code: string, message = `Refused: ${code}.`): RpcError {
  return new RpcError({ code, message, retryable: false, trace_id: "" });
}

export function field(name: string, type: string, more: Partial<FieldInfo> = {}): FieldInfo {
  return {
    name, label: name[0]?.toUpperCase() + name.slice(1), type, policy: "latest", compartment: "open", authority: null, group: null, words: [],
    target: null, scale: type === "money" ? 2 : 0, required: false, unique: false, declared: false, indexed: true, ...more,
  };
}

export const BRAND: CollectionInfo = {
  name: "brand", label: "Brand", plural: "Brands", component: "SeedwaveAdminPortal", title: "name", delete: "edit wins",
  fields: [
    field("name", "text", { required: true }),
    field("status", "enum", { words: ["Active", "Growing", "Stable"] }),
    field("employees", "int"),
    field("revenue", "money", { policy: "protected" }),
    field("notes", "long_text"),
  ],
};

export function useModel(...collections: CollectionInfo[]): void {
  model.collections = collections;
}

export function row(n: number, values: RowView["values"] = {}, more: Partial<RowView> = {}): RowView {
  return { id: `id-${n}`, key: `brand-${n}`, values: { name: `Brand ${n}`, status: "Active", ...values }, titles: {}, state: "saved", pending: [], ...more };
}

export function record(values: { [name: string]: OneRecord["fields"][number]["value"] }, states: { [name: string]: string } = {}): OneRecord {
  const fields = BRAND.fields.map((f) => ({
    name: f.name, value: values[f.name] ?? null, title: null, state: states[f.name] ?? "saved", confirmed: values[f.name] ?? null, saved_at: null,
  }));
  return { collection: "brand", id: "id-1", key: "brand-1", title: String(values.name), owner: null, seq: 7, state: "saved", fields, recent: [] };
}

export function status(more: Partial<Status> = {}): Status {
  return {
    state: "in_sync", sentence: "This copy matched omni-central at 14:02.", action: "Verify my copy", since: null, evidence_at: new Date().toISOString(),
    cursor: 10, head: 10, epoch: 1, lag_s: 0, queued: 0, sending: 0, needs_attention: 0, conflicts: 0, rows: 3, accuracy: null,
    latency_ms: { p50: null, p99: null }, bytes: { sent: 0, received: 0, payload: 0 }, next_try_s: null, progress: null, last_error: null,
    clock_offset_ms: null, central: "http://127.0.0.1:7420", by_http: false, verified_at: null, oldest_unsent_s: null, ...more,
  };
}

/** One side of an item: two edits of one field, met on central. */
export function side(name: string, values: Partial<ConflictField> = {}): ConflictField {
  return {
    name, label: name, type: BRAND.fields.find((f) => f.name === name)?.type ?? "record", also: [], settled: null, base: null, mine: null, theirs: null,
    by: "Mara Ito", device: "field-7", at: "2026-03-01T14:20:00Z", rule: "Latest", decided: "open", winner: null, ...values,
  };
}

export function item(n: number, fields: ConflictField[], more: Partial<ConflictRow> = {}): ConflictRow {
  return {
    id: `item-${n}`, kind: "field", decided: "open", rule: "Latest", seq: 100 + n, delete: false, own: false, typed_at: "2026-03-01T14:20:00Z", theirs_by: "Jonas Lindqvist",
    theirs_device: "desk-2", theirs_at: "2026-03-01T14:10:00Z", settled_by: null, settled_at: null, can_resolve: true, change: null, collection: "brand",
    record: `id-${n}`, title: `Brand ${n}`, fields, ...more,
  };
}
