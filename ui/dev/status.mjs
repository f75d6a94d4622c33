// Development only: a status for every state of guides/UX §1, in the words of the agent.
import { iso } from "./fixture.mjs";
import { openItems } from "./conflicts.mjs";
import { count, queue } from "./queue.mjs";

const edits = (n) => (n === 0 ? "No edit waits" : n === 1 ? "1 edit waits" : `${n} edits wait`);

const SENTENCES = {
  disk_full: [() => "This disk is full. Editing is stopped so nothing is lost.", "Free space"],
  device_removed: [() => "This device is no longer approved. Unsent edits are sealed.", "Contact your administrator"],
  signed_out: [(n) => `You are signed out. ${edits(n)} on this device.`, "Sign in"],
  update_required: [(n) => `This version can no longer edit. ${n} edits will still be sent.`, "Update"],
  paused: [(n) => `You paused sync at 14:02. ${edits(n)}.`, "Resume"],
  offline: [(n) => `This laptop has no network. Keep working; ${edits(n).toLowerCase()}.`, ""],
  central_unreachable: [(n) => `The network works, omni-central has not answered since 13:58. ${edits(n)}. Next try in 8 s.`, "Try now"],
  unknown: [() => "No fresh answer since 13:58.", "Check now"],
  catching_up: [() => "Receiving 18240 of 75112 changes. You see data of 13:58.", ""],
  sending: [(n) => `Sending ${n} edits.`, "Open queue"],
  needs_attention: [() => `${openItems().length} conflicts and ${count("rejected", "held", "blocked")} rejected edits need you.`, "Open inbox"],
  in_sync: [() => "This copy matched omni-central at 14:02.", "Verify my copy"],
};
export const STATES = Object.keys(SENTENCES);
const AWAY = ["paused", "offline", "central_unreachable", "unknown", "disk_full", "device_removed", "signed_out"];

export function status(state) {
  const [sentence, action] = SENTENCES[state];
  const queued = count("pending");
  const sending = count("sending", "acknowledged");
  const away = AWAY.includes(state);
  const behind = state === "catching_up";
  return {
    state, sentence: sentence(queued + sending), action, since: iso(840_000), evidence_at: away ? iso(1_860_000) : iso(2_000),
    cursor: behind ? 18240 : 75112, head: away ? null : 75112, epoch: 1, lag_s: away ? 1860 : behind ? 240 : 0,
    queued, sending, needs_attention: count("rejected", "held", "blocked"), conflicts: openItems().length, rows: 68095, accuracy: away ? null : 1,
    latency_ms: away ? { p50: null, p99: null } : { p50: 6.4, p99: 18.2 }, bytes: { sent: 48_211, received: 9_312_455, payload: 9_290_118 },
    next_try_s: state === "central_unreachable" ? 8 : null, progress: behind ? { label: "Receiving changes", done: 18240, total: 75112 } : null,
    last_error: state === "central_unreachable" ? { code: "connection_refused", message: "Connecting to 127.0.0.1:7420: connection refused.", retryable: true, trace_id: "91c2" } : null,
    clock_offset_ms: away ? null : -3.2, central: "http://127.0.0.1:7420", verified_at: away ? null : iso(7_200_000), oldest_unsent_s: queue.length > 0 ? 64 : null,
  };
}
