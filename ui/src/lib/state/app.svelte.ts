// Where the app stands (first run, locked, ready), and the life of the event stream.

import type { AppInfo, Progress } from "../generated/rpc";
import { events, rpc, toRpcError, type LinkState, type RpcError } from "../host";
import { publish, publishNow, subscribe } from "./bus";
import { clock } from "./clock.svelte";
import { drafts } from "./drafts.svelte";
import { model } from "./model.svelte";
import { notices } from "./notices.svelte";
import { settings } from "./settings.svelte";
import { sync } from "./sync.svelte";

class App {
  info = $state<AppInfo | null>(null);
  error = $state<RpcError | null>(null);
  progress = $state<Progress | null>(null);
  /** True while a screen shows something that must be read before the phase may change it: the recovery code. */
  held = $state(false);

  /** Starts everything. Returns what stops it. */
  start(): () => void {
    const stops = [
      clock.start(),
      settings.start(),
      drafts.start(),
      subscribe((event) => {
        if (event.event === "phase") void this.refresh();
        else if (event.event === "progress") this.progress = event.progress;
        else if (event.event === "notice") notices.tell(event.code, event.message);
        else if (event.event === "lagged") this.#readAnew();
        else if (event.event === "status" && sync.take(event.status)) publishNow({ event: "queue", queued: event.status.queued });
      }),
      events(publish, (link) => this.#linked(link)),
      sync.start(),
    ];
    void this.refresh();
    return () => {
      for (const stop of stops.toReversed()) stop();
    };
  }

  /** Asks where the app stands; prepares what the desk needs before it is shown. */
  async refresh(): Promise<void> {
    try {
      const info = await rpc("app.info", {});
      const opens = info.phase === "ready" && this.info?.phase !== "ready";
      if (opens) await Promise.all([model.load(), settings.load(), drafts.load(), sync.ask()]);
      sync.live = info.phase === "ready";
      this.info = info;
      this.error = null;
    } catch (raw) {
      this.error = toRpcError(raw);
    }
  }

  #linked(link: LinkState): void {
    const wasDown = !sync.link.up;
    sync.link = link;
    // What was pushed while the stream was down is lost.
    if (link.up && wasDown) {
      void this.refresh();
      this.#readAnew();
    }
  }

  /** Events were missed: asks again for everything on screen. */
  #readAnew(): void {
    if (this.info?.phase !== "ready") return;
    void sync.ask();
    publish({ event: "changed", collections: model.allChanged(), seq: null, local: false });
    publish({ event: "queue", queued: sync.status?.queued ?? 0 });
  }
}

export const app = new App();
