// What the host pushes, handed to whoever shows it: at most once a frame, so that a burst of commits draws once.

import type { ChangedIds, UiEvent } from "../generated/rpc";

type Handler = (event: UiEvent) => void;

/** More ids of one collection than this mean “all”: nobody looks at single rows any more. */
const IDS_MAX = 500;
/** A hidden window draws no frames; what arrives there waits this long. */
const HIDDEN_MS = 250;

const handlers = new Set<Handler>();
let waiting: UiEvent[] = [];
let planned = false;

/** Subscribes; returns what unsubscribes. */
export function subscribe(handler: Handler): () => void {
  handlers.add(handler);
  return () => handlers.delete(handler);
}

/** Takes an event; it is handed on with the next frame, folded with others of its kind. */
export function publish(event: UiEvent): void {
  waiting = fold(waiting, event);
  if (planned) return;
  planned = true;
  if (document.hidden) setTimeout(flush, HIDDEN_MS);
  else nextFrame(flush);
}

/** Hands an event on at once: for what follows from an event that is being handed on. */
export function publishNow(event: UiEvent): void {
  for (const handler of [...handlers]) handler(event);
}

function flush(): void {
  const events = waiting;
  waiting = [];
  planned = false;
  for (const event of events) publishNow(event);
}

/** A frame, or a quarter of a second when the window is hidden meanwhile and no frame comes. */
function nextFrame(work: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    work();
  };
  const timer = setTimeout(once, HIDDEN_MS);
  requestAnimationFrame(once);
}

/** Adds an event to those that wait: levels replace the older one, changes join, notices all stay. */
export function fold(events: readonly UiEvent[], next: UiEvent): UiEvent[] {
  if (next.event === "notice") return [...events, next];
  const at = events.findIndex((e) => e.event === next.event && !(e.event === "changed" && next.event === "changed" && e.local !== next.local));
  const old = events[at];
  if (!old) return [...events, next];
  return events.with(at, old.event === "changed" && next.event === "changed" ? joined(old, next) : next);
}

type Changed = Extract<UiEvent, { event: "changed" }>;

function joined(a: Changed, b: Changed): Changed {
  const collections: Changed["collections"] = { ...a.collections };
  for (const [name, more] of Object.entries(b.collections)) {
    if (!more) continue;
    const had = collections[name];
    collections[name] = had ? both(had, more) : more;
  }
  return { event: "changed", collections, seq: b.seq ?? a.seq, local: a.local };
}

function both(a: ChangedIds, b: ChangedIds): ChangedIds {
  if (a.all || b.all) return { all: true, ids: [] };
  const ids = [...new Set([...a.ids, ...b.ids])];
  return ids.length > IDS_MAX ? { all: true, ids: [] } : { all: false, ids };
}

/** Subscribes to changes of one collection. */
export function onChanged(collection: string, handler: (ids: ChangedIds, local: boolean) => void): () => void {
  return subscribe((event) => {
    if (event.event !== "changed") return;
    const ids = event.collections[collection];
    if (ids) handler(ids, event.local);
  });
}

/** Runs `work` at most once per `ms`, at once the first time and once more at the end when more was asked meanwhile. */
export function throttled(ms: number, work: () => void): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const open = () => {
    timer = undefined;
    if (again) {
      again = false;
      run();
    }
  };
  const run = () => {
    if (timer !== undefined) {
      again = true;
      return;
    }
    timer = setTimeout(open, ms);
    work();
  };
  run.cancel = () => {
    clearTimeout(timer);
    timer = undefined;
    again = false;
  };
  return run;
}
