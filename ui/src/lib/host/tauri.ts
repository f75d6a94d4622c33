// The desktop shell: one command, one event.

import { invoke } from "@tauri-apps/api/core";
import { listen as listenEvent } from "@tauri-apps/api/event";
import type { UiEvent } from "../generated/rpc";
import { toRpcError, type Host } from "./types";

export function tauriHost(): Host {
  return {
    kind: "tauri",
    async call(command, args) {
      try {
        return await invoke("rpc", { request: { command, args } });
      } catch (raw) {
        throw toRpcError(raw);
      }
    },
    listen(onEvent, onLink) {
      let stopped = false;
      let stop: (() => void) | undefined;
      listenEvent<UiEvent>("omni-event", (e) => onEvent(e.payload)).then(
        (unlisten) => {
          if (stopped) unlisten();
          else {
            stop = unlisten;
            onLink({ up: true, since: Date.now() });
          }
        },
        () => onLink({ up: false, since: Date.now() }),
      );
      return () => {
        stopped = true;
        stop?.();
      };
    },
  };
}
