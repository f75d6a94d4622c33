// What the rest of the front end knows of its host: one call, one stream of events, and whether the stream is alive.

import type { Commands, UiEvent, WireError } from "../generated/rpc";

export type CommandName = keyof Commands;

/** Says whether the event stream is up; `since` is when it changed (milliseconds). */
export interface LinkState {
  up: boolean;
  since: number;
}

export interface Host {
  readonly kind: "tauri" | "browser" | "scripted";
  call<C extends CommandName>(command: C, args: Commands[C]["args"]): Promise<Commands[C]["reply"]>;
  /** Starts the event stream. Returns what stops it. */
  listen(onEvent: (event: UiEvent) => void, onLink: (link: LinkState) => void): () => void;
}

/** Every failed call throws this. It carries the code that somebody may branch on. */
export class RpcError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly trace: string;

  constructor(wire: WireError) {
    super(wire.message);
    this.name = "RpcError";
    this.code = wire.code;
    this.retryable = wire.retryable;
    this.trace = wire.trace_id;
  }
}

/** Reads an error of unknown shape; anything that is not ours becomes `internal`. */
export function toRpcError(raw: unknown): RpcError {
  if (raw instanceof RpcError) return raw;
  if (typeof raw === "object" && raw !== null) {
    const inner = "error" in raw ? raw.error : raw;
    if (typeof inner === "object" && inner !== null && "code" in inner && "message" in inner) {
      const wire = inner as Partial<WireError>;
      return new RpcError({
        code: String(wire.code),
        message: String(wire.message),
        retryable: wire.retryable === true,
        trace_id: wire.trace_id ?? "",
      });
    }
  }
  const message = raw instanceof Error ? raw.message : String(raw);
  return new RpcError({ code: "internal", message, retryable: false, trace_id: "" });
}
