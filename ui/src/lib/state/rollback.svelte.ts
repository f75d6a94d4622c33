// What is to be taken back, previewed and then done: one change, a record, a group, or what one device did in a time.

import type { DeviceTarget, JsonValue, RecordTarget, RollbackLine, RollbackPreview } from "../generated/rpc";
import { plural } from "../format/numbers";
import { rpc, toRpcError, type RpcError } from "../host";
import { notices } from "./notices.svelte";
import { sync } from "./sync.svelte";

export type Target =
  | { kind: "change"; change: string; title: string }
  | { kind: "record"; record: RecordTarget; title: string; when: string }
  | { kind: "group"; group: string; title: string }
  | { kind: "device"; device: DeviceTarget };

const nothing = { record: null, group: null, device: null };

function args(target: Exclude<Target, { kind: "change" }>, also: string[]) {
  if (target.kind === "record") return { ...nothing, record: target.record, also };
  return target.kind === "group" ? { ...nothing, group: target.group, also } : { ...nothing, device: target.device, also };
}

/** One run of the dialog. */
export class Rollback {
  preview = $state.raw<RollbackPreview | null>(null);
  ticked = $state.raw<ReadonlySet<string>>(new Set());
  error = $state.raw<RpcError | null>(null);
  busy = $state(false);
  /** Lines that will change. */
  going = $derived((this.preview?.lines ?? []).filter((l) => !l.later || this.ticked.has(l.address)));
  readonly target: Target;

  constructor(target: Target) {
    this.target = target;
  }

  async look(): Promise<void> {
    this.error = null;
    try {
      const { target } = this;
      this.preview = target.kind === "change" ? await rpc("undo.preview", { change: target.change }) : await rpc("rollback.preview", args(target, []));
    } catch (raw) {
      this.error = toRpcError(raw);
    }
  }

  tick(address: string, on: boolean): void {
    const next = new Set(this.ticked);
    if (on) next.add(address);
    else next.delete(address);
    this.ticked = next;
  }

  /** Does it. True if it is done; else `error` says why not. */
  async go(): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      const left = this.target.kind === "change" ? await this.#takeBack(this.target.change) : (await rpc("rollback", args(this.target, [...this.ticked]))).left;
      await sync.ask();
      notices.say("rollback", `Took back ${plural(this.going.length, "value", "values")}${left > 0 ? `, left ${plural(left, "later one", "later ones")} alone` : ""}`);
      return true;
    } catch (raw) {
      this.error = toRpcError(raw);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** The undo takes back what nobody changed since; ticked lines are edits of their own. */
  async #takeBack(change: string): Promise<number> {
    const lines = this.preview?.lines ?? [];
    if (lines.some((l) => !l.later)) await rpc("undo", { change });
    for (const [address, fields] of edits(lines.filter((l) => l.later && this.ticked.has(l.address)))) {
      const [collection = "", id = ""] = address.split("/");
      await rpc("set", { collection, id, fields });
    }
    return lines.filter((l) => l.later && !this.ticked.has(l.address)).length;
  }
}

function edits(lines: readonly RollbackLine[]): Map<string, { [field: string]: JsonValue }> {
  const out = new Map<string, { [field: string]: JsonValue }>();
  for (const line of lines) out.set(`${line.collection}/${line.record}`, { ...out.get(`${line.collection}/${line.record}`), [line.field]: line.then });
  return out;
}
