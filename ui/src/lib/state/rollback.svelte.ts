// What is to be taken back, previewed and then done: one change, a record, a group, or what one device did in a time.

import type { DeviceTarget, RecordTarget, RollbackArgs, RollbackPreview } from "../generated/rpc";
import { plural } from "../format/numbers";
import { rpc, toRpcError, type RpcError } from "../host";
import { notices } from "./notices.svelte";
import { sync } from "./sync.svelte";

export type Target =
  | { kind: "change"; change: string; title: string }
  | { kind: "record"; record: RecordTarget; title: string; when: string }
  | { kind: "group"; group: string; title: string }
  | { kind: "device"; device: DeviceTarget };

/** The call: exactly one target is named. */
function args(target: Target, also: string[]): RollbackArgs {
  return {
    change: target.kind === "change" ? target.change : null,
    record: target.kind === "record" ? target.record : null,
    group: target.kind === "group" ? target.group : null,
    device: target.kind === "device" ? target.device : null,
    also,
  };
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
      this.preview = await rpc("rollback.preview", args(this.target, []));
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
      const { left, discarded } = await rpc("rollback", args(this.target, [...this.ticked]));
      await sync.ask();
      const unsent = discarded > 0 ? `, ${plural(discarded, "change", "changes")} of it before it was sent` : "";
      notices.say("rollback", `Took back ${plural(this.going.length, "value", "values")}${unsent}${left > 0 ? `, left ${plural(left, "later one", "later ones")} alone` : ""}`);
      return true;
    } catch (raw) {
      this.error = toRpcError(raw);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
