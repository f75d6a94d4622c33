// A browser on this machine, served by `omnictl ui`. The whole protocol:
//
// - The address printed at start is `http://127.0.0.1:PORT/#token=TOKEN`. The token is taken out of the address at once,
//   kept in sessionStorage for this tab, and sent as `Authorization: Bearer TOKEN` with each request below. Cookies of this
//   origin go along: the server may bind the token to the first browser that shows it.
// - `POST /rpc` with `Content-Type: application/json` and `{"command": "status", "args": {}}`.
//   200: the reply as JSON. Any other status: a `WireError` as JSON, `{"code","message","retryable","trace_id"}`
//   (bare, or as `{"error": …}`). 401 and 403 need no body: the token is wrong or spent.
// - `GET /events` answers 200 at once and stays open: one `UiEvent` as JSON a line, ended by `\n`
//   (`application/x-ndjson`). Empty lines keep it alive and mean nothing. When it ends or fails, it is opened again after
//   0.25 s, doubling to 5 s; what was pushed meanwhile is not repeated, the page asks anew for what it shows.
// - `GET /` and the other files of ui/dist need no token. They may be sent under
//   `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'`.

import type { UiEvent } from "../generated/rpc";
import { RpcError, toRpcError, type Host, type LinkState } from "./types";

const TOKEN_KEY = "omni-token";
/** First and longest wait before the event stream is opened again. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

/** Takes the one-time token from the address once, and keeps it for this tab only. */
export function takeToken(location: Location, history: History, storage: Storage): string {
  const match = /(?:^#|&)token=([^&]+)/.exec(location.hash);
  if (match?.[1]) {
    storage.setItem(TOKEN_KEY, decodeURIComponent(match[1]));
    history.replaceState(null, "", location.pathname + location.search);
  }
  return storage.getItem(TOKEN_KEY) ?? "";
}

export function browserHost(token: string): Host {
  const auth = { Authorization: `Bearer ${token}` };
  return {
    kind: "browser",
    async call(command, args) {
      const answer = await post(command, args, auth);
      const text = await answer.text();
      let body: unknown = null;
      try {
        body = text === "" ? null : JSON.parse(text);
      } catch {
        throw toRpcError({ code: "internal", message: `The app answered ${answer.status} with something unreadable.` });
      }
      if (!answer.ok) throw refusal(answer.status, body);
      return body as never;
    },
    listen(onEvent, onLink) {
      const stop = new AbortController();
      void follow(auth, stop.signal, onEvent, onLink);
      return () => stop.abort();
    },
  };
}

async function post(command: string, args: unknown, auth: HeadersInit): Promise<Response> {
  try {
    return await fetch("/rpc", {
      method: "POST",
      headers: { ...auth, "Content-Type": "application/json" },
      body: JSON.stringify({ command, args }),
    });
  } catch {
    throw new RpcError({
      code: "host_unreachable",
      message: "This window has lost the app. What you saved is safe; start the app again.",
      retryable: true,
      trace_id: "",
    });
  }
}

function refusal(status: number, body: unknown): RpcError {
  if (status === 401 || status === 403) {
    const message = "This address is no longer valid. Open the address that the app printed when it started.";
    return new RpcError({ code: "unauthorised", message, retryable: false, trace_id: "" });
  }
  return toRpcError(body ?? { code: "internal", message: `The app answered ${status}.` });
}

async function follow(
  auth: HeadersInit,
  signal: AbortSignal,
  onEvent: (event: UiEvent) => void,
  onLink: (link: LinkState) => void,
): Promise<void> {
  let wait = RETRY_MIN_MS;
  while (!signal.aborted) {
    try {
      const answer = await fetch("/events", { headers: auth, signal });
      if (!answer.ok || !answer.body) throw new Error(`events: ${answer.status}`);
      onLink({ up: true, since: Date.now() });
      wait = RETRY_MIN_MS;
      await readLines(answer.body, onEvent);
    } catch {
      if (signal.aborted) return;
    }
    onLink({ up: false, since: Date.now() });
    await pause(wait, signal);
    wait = Math.min(wait * 2, RETRY_MAX_MS);
  }
}

/** Reads lines of JSON until the stream ends. Empty lines keep the connection alive and mean nothing. */
export async function readLines(body: ReadableStream<Uint8Array>, onEvent: (event: UiEvent) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() !== "") onEvent(JSON.parse(line) as UiEvent);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
