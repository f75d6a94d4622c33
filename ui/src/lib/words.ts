// Words and shapes of states: one place, so that pill, banner, title, rows and fields agree.

import { count, plural } from "./format/numbers";
import type { Status } from "./generated/rpc";

export type Tone = "ok" | "pending" | "sending" | "attention" | "conflict" | "error" | "unknown";
export type Shape = "dot" | "ring" | "half" | "moving" | "triangle" | "squares" | "cross";

export const SHAPES: Readonly<{ [key in Tone]: Shape }> = {
  ok: "dot",
  pending: "half",
  sending: "moving",
  attention: "triangle",
  conflict: "squares",
  error: "cross",
  unknown: "ring",
};

interface StateWord {
  word: string;
  tone: Tone;
}

const SYNC: Readonly<{ [key: string]: StateWord }> = {
  recovery: { word: "Recovery", tone: "error" },
  disk_full: { word: "Disk full", tone: "error" },
  locked: { word: "Locked", tone: "attention" },
  device_removed: { word: "Device removed", tone: "error" },
  history_rewritten: { word: "History rewritten", tone: "error" },
  signed_out: { word: "Signed out", tone: "attention" },
  update_required: { word: "Update required", tone: "attention" },
  paused: { word: "Paused", tone: "pending" },
  offline: { word: "Offline", tone: "unknown" },
  central_unreachable: { word: "Central unreachable", tone: "attention" },
  unknown: { word: "Unknown", tone: "unknown" },
  catching_up: { word: "Catching up", tone: "sending" },
  sending: { word: "Sending", tone: "sending" },
  needs_attention: { word: "Needs attention", tone: "attention" },
  in_sync: { word: "In sync", tone: "ok" },
};

/** Word and tone of a synchronisation state; a word we do not know is unknown, never green. */
export function syncWord(state: string): StateWord {
  return SYNC[state] ?? { word: "Unknown", tone: "unknown" };
}

const ROW: Readonly<{ [key: string]: StateWord }> = {
  saved: { word: "Saved", tone: "ok" },
  pending: { word: "Saved here, not sent yet", tone: "pending" },
  sending: { word: "Sent, waiting for central’s answer", tone: "sending" },
  rejected: { word: "Refused by central", tone: "error" },
  conflict: { word: "In conflict", tone: "conflict" },
};

/** State of a record or of one of its fields. */
export function recordWord(state: string): StateWord {
  return ROW[state] ?? { word: "Unknown", tone: "unknown" };
}

const QUEUE: Readonly<{ [key: string]: StateWord }> = {
  pending: { word: "Waits", tone: "pending" },
  sending: { word: "Sent", tone: "sending" },
  acknowledged: { word: "Accepted", tone: "ok" },
  rejected: { word: "Refused", tone: "error" },
  held: { word: "Held", tone: "attention" },
  blocked: { word: "Blocked", tone: "attention" },
  discarded: { word: "Discarded", tone: "unknown" },
};

/** State of a waiting change. */
export function queueWord(state: string): StateWord {
  return QUEUE[state] ?? { word: state, tone: "unknown" };
}

export const QUEUE_STATES = Object.keys(QUEUE);

/** What a waiting change's state means, in a sentence. */
export function queueSentence(state: string): string {
  switch (state) {
    case "pending":
      return "Saved on this laptop. It will be sent when central answers.";
    case "sending":
      return "Sent to central. It keeps its place until the answer is here.";
    case "acknowledged":
      return "Central accepted it. It leaves the queue when this copy has caught up.";
    case "rejected":
      return "Central refused it. Nothing was changed there; your text is kept here.";
    case "held":
      return "It waits for another of your changes that was not applied.";
    case "blocked":
      return "It no longer fits the record as it is now. Edit or discard it.";
    case "discarded":
      return "You discarded it. It can be taken back.";
    default:
      return "";
  }
}

/** Why an item is open, from the name of the rule that left it open. */
export function ruleSentence(rule: string): string {
  switch (rule.toLowerCase()) {
    case "protected":
      return "This field is never merged by itself.";
    case "latest":
      return "Nobody can prove which edit is newer.";
    case "parked":
      return "The command met changes it did not know; nothing of it took effect.";
    case "edit wins":
    case "committed stands":
      return "One deleted the record, another edited it.";
    default:
      return `Waits for a decision (${rule}).`;
  }
}

const CAUSES: Readonly<{ [cause: string]: string }> = {
  network_changed: "The network changed",
  slept: "This laptop slept",
  silent: "Central was silent",
  no_progress: "The exchange did not get on",
  stopping: "Central was stopping",
  regrant: "Rights changed",
  new_incarnation: "The copy began anew",
};

/** Why the connection was made anew; a cause without words is named as it is. */
export function causeWord(cause: string): string {
  return CAUSES[cause] ?? cause.replaceAll("_", " ");
}

/** The queue's figures in one line. */
export function queueFigures(status: Pick<Status, "queued" | "sending" | "needs_attention">): string {
  const { queued, sending, needs_attention: attention } = status;
  return `${plural(queued, "edit waits", "edits wait")} here, ${count(sending)} sent, ${count(attention)} ${attention === 1 ? "needs" : "need"} you`;
}

export const PRIORITIES: Readonly<{ [key: number]: string }> = { 1: "Emergency", 2: "Normal", 3: "Bulk" };
