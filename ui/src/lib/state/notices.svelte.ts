// Short messages after a deed, with its undo. One condition has one notice, updated in place.

import { toRpcError } from "../host";

/** A notice with an undo stays longer than one that only informs. */
const PLAIN_MS = 5_000;
const UNDO_MS = 15_000;
/** Screen readers hear at most one announcement in this time. */
const SPEAK_MS = 5_000;

export interface Notice {
  key: string;
  text: string;
  tone: "ok" | "attention" | "error";
  code: string;
  undo?: (() => void) | undefined;
  /** Word of the button that undoes it. */
  verb: string;
}

class Notices {
  list = $state.raw<Notice[]>([]);
  spoken = $state("");
  #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #spokenAt = 0;
  #next: ReturnType<typeof setTimeout> | undefined;

  say(key: string, text: string, undo?: () => void): void {
    this.#put({ key, text, tone: "ok", code: "", undo, verb: "Undo" }, undo ? UNDO_MS : PLAIN_MS);
  }

  /** Says what was done, with a button of another name than “Undo”. */
  offer(key: string, text: string, verb: string, act: () => void): void {
    this.#put({ key, text, tone: "ok", code: "", undo: act, verb }, UNDO_MS);
  }

  /** An error stays until it is closed. */
  fail(key: string, raw: unknown): void {
    const error = toRpcError(raw);
    this.#put({ key, text: error.message, tone: "error", code: error.code, verb: "" }, null);
  }

  /** Something the app says by itself. It stays until it is closed. */
  tell(code: string, text: string): void {
    this.#put({ key: `told/${code}`, text, tone: "attention", code, verb: "" }, null);
  }

  close(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.list = this.list.filter((n) => n.key !== key);
  }

  /** Announces politely; later words replace earlier ones that were not spoken yet. */
  speak(text: string): void {
    clearTimeout(this.#next);
    const wait = Math.max(0, this.#spokenAt + SPEAK_MS - Date.now());
    const now = () => {
      this.spoken = text;
      this.#spokenAt = Date.now();
    };
    if (wait === 0) now();
    else this.#next = setTimeout(now, wait);
  }

  #put(notice: Notice, ms: number | null): void {
    const at = this.list.findIndex((n) => n.key === notice.key);
    this.list = at < 0 ? [...this.list, notice] : this.list.with(at, notice);
    clearTimeout(this.#timers.get(notice.key));
    if (ms !== null) this.#timers.set(notice.key, setTimeout(() => this.close(notice.key), ms));
    this.speak(notice.text);
  }
}

export const notices = new Notices();
