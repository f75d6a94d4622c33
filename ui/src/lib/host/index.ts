// The one door to the app: `rpc` and `events`. Which host stands behind it is decided once, at start.

import type { Commands, UiEvent } from "../generated/rpc";
import { browserHost, takeToken } from "./browser";
import { tauriHost } from "./tauri";
import type { CommandName, Host, LinkState } from "./types";

export { RpcError, toRpcError } from "./types";
export type { CommandName, Host, LinkState } from "./types";

let host: Host | undefined;

function current(): Host {
  host ??= "__TAURI_INTERNALS__" in window ? tauriHost() : browserHost(takeToken(location, history, sessionStorage));
  return host;
}

/** Puts another host in place: used by tests, before the first call. */
export function useHost(other: Host): void {
  host = other;
}

export function rpc<C extends CommandName>(command: C, args: Commands[C]["args"]): Promise<Commands[C]["reply"]> {
  return current().call(command, args);
}

export function events(onEvent: (event: UiEvent) => void, onLink: (link: LinkState) => void): () => void {
  return current().listen(onEvent, onLink);
}
