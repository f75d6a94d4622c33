// The one synchronisation value that pill, banner, title and monitor read.

import type { Status } from "../generated/rpc";
import { rpc, toRpcError, type LinkState } from "../host";
import { absolute, parseInstant } from "../format/time";
import { count } from "../format/numbers";
import { syncWord, type Tone } from "../words";
import { clock } from "./clock.svelte";

/** Asked again this often while visible, so that ages stay true. */
const POLL_MS = 5_000;
/** Green needs evidence younger than this: three heartbeats of 9 s and 1 s. */
export const EVIDENCE_MAX_MS = 28_000;

const QUEUE_FIGURES = ["queued", "sending", "needs_attention"] as const;

export interface SyncView {
  state: string;
  word: string;
  tone: Tone;
  sentence: string;
  action: string;
  /** Time of the newest evidence, milliseconds; null when there is none. */
  evidence: number | null;
  waiting: number;
  attention: number;
}

/** What to show for a status at a time: old evidence never shows green. */
export function viewOf(status: Status | null, link: LinkState, now: number): SyncView {
  const evidence = parseInstant(status?.evidence_at);
  const base = { evidence, waiting: status?.queued ?? 0, attention: (status?.needs_attention ?? 0) + (status?.conflicts ?? 0) };
  if (!link.up && link.since > 0) {
    const sentence = `This window has no contact with the app since ${absolute(link.since, now)}. What you saved is safe.`;
    return { ...base, state: "unknown", ...syncWord("unknown"), sentence, action: "Check now" };
  }
  if (!status) {
    return { ...base, state: "unknown", ...syncWord("unknown"), sentence: "No answer from the app yet.", action: "" };
  }
  const stale = evidence === null || now - evidence > EVIDENCE_MAX_MS;
  if (syncWord(status.state).tone === "ok" && stale) {
    const since = evidence === null ? "this run began" : absolute(evidence, now);
    return { ...base, state: "unknown", ...syncWord("unknown"), sentence: `No fresh answer since ${since}.`, action: "Check now" };
  }
  return { ...base, state: status.state, ...syncWord(status.state), sentence: status.sentence, action: status.action };
}

class Sync {
  status = $state.raw<Status | null>(null);
  link = $state.raw<LinkState>({ up: true, since: 0 });
  view = $derived(viewOf(this.status, this.link, clock.now));
  title = $derived.by(() => {
    const { word, waiting, attention } = this.view;
    const badge = attention > 0 ? `(${count(attention)}) ` : "";
    const wait = waiting > 0 ? `, ${count(waiting)} waiting` : "";
    return `${badge}${word}${wait} · Omni Control Center`;
  });

  /** True while there is a desk: before and without one, nobody answers for a status. */
  live = false;

  /** Takes a status. True if it says that changes of the queue moved on: sent, answered or refused. */
  take(status: Status): boolean {
    const old = this.status;
    this.status = status;
    return old !== null && QUEUE_FIGURES.some((figure) => old[figure] !== status[figure]);
  }

  async ask(): Promise<void> {
    try {
      this.take(await rpc("status", {}));
    } catch (raw) {
      const { code } = toRpcError(raw);
      if (code === "host_unreachable" && this.link.up) this.link = { up: false, since: Date.now() };
    }
  }

  start(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden && this.live) void this.ask();
    }, POLL_MS);
    return () => clearInterval(timer);
  }
}

export const sync = new Sync();
