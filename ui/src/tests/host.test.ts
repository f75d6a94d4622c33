import { beforeEach, expect, test, vi } from "vitest";
import { browserHost, readLines, takeToken } from "../lib/host/browser";
import type { UiEvent } from "../lib/generated/rpc";

beforeEach(() => sessionStorage.clear());

test("the token leaves the address and stays for the tab", () => {
  history.replaceState(null, "", "/#token=a%2Fb");
  expect(takeToken(location, history, sessionStorage)).toBe("a/b");
  expect(location.href).not.toContain("token");
  expect(takeToken(location, history, sessionStorage)).toBe("a/b");
});

test("a call carries the token and the refusal carries its code", async () => {
  const fetch = vi.spyOn(globalThis, "fetch").mockResolvedValueOnce(new Response(JSON.stringify({ version: "1" })));
  const host = browserHost("secret");
  expect(await host.call("app.info", {})).toEqual({ version: "1" });
  const [address, init] = fetch.mock.calls[0] ?? [];
  expect(address).toBe("/rpc");
  expect(init?.headers).toMatchObject({ Authorization: "Bearer secret" });
  expect(init?.body).toBe('{"command":"app.info","args":{}}');
  const wire = { code: "not_found", message: "No such record.", retryable: false, trace_id: "" };
  fetch.mockResolvedValueOnce(new Response(JSON.stringify(wire), { status: 400 }));
  await expect(host.call("get", { collection: "brand", id: "x" })).rejects.toMatchObject({ code: "not_found", message: "No such record." });
  fetch.mockResolvedValueOnce(new Response("", { status: 401 }));
  await expect(host.call("status", {})).rejects.toMatchObject({ code: "unauthorised" });
  fetch.mockRejectedValueOnce(new TypeError("refused"));
  await expect(host.call("status", {})).rejects.toMatchObject({ code: "host_unreachable", retryable: true });
});

test("events are lines, however they are cut", async () => {
  const bytes = new TextEncoder().encode('\n{"event":"queue","queued":1}\n{"event":"queue","queued":2}\n');
  const body = new ReadableStream<Uint8Array>({
    start(c) {
      for (let i = 0; i < bytes.length; i += 5) c.enqueue(bytes.slice(i, i + 5));
      c.close();
    },
  });
  const got: UiEvent[] = [];
  await readLines(body, (e) => got.push(e));
  expect(got).toEqual([{ event: "queue", queued: 1 }, { event: "queue", queued: 2 }]);
});

test("a broken stream is told and opened again", async () => {
  vi.useFakeTimers();
  const fetch = vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(new ReadableStream({ start: (c) => c.close() })));
  const links: boolean[] = [];
  const stop = browserHost("t").listen(() => undefined, (l) => links.push(l.up));
  await vi.advanceTimersByTimeAsync(0);
  expect(links).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(300);
  expect(links.length).toBeGreaterThanOrEqual(4);
  expect(fetch.mock.calls.length).toBeGreaterThanOrEqual(2);
  stop();
  vi.useRealTimers();
});
