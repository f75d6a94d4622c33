// The isolation application of the window (src-tauri/isolation): what the page may say to Rust.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

interface Message {
  cmd: string;
  callback: number;
  error: number;
  payload: unknown;
}

const source = readFileSync(resolve(__dirname, "../../src-tauri/isolation/index.js"), "utf8");
const frame: { __TAURI_ISOLATION_HOOK__?: (message: Message) => Message } = {};
new Function("window", source)(frame);

function pass(cmd: string, payload: unknown): Message {
  const hook = frame.__TAURI_ISOLATION_HOOK__;
  if (!hook) throw new Error("The isolation application sets no hook.");
  return hook({ cmd, callback: 1, error: 2, payload });
}

function isRefused(cmd: string, payload: unknown): boolean {
  const answer = pass(cmd, payload);
  expect([answer.callback, answer.error]).toEqual([1, 2]);
  return JSON.stringify([answer.cmd, answer.payload]) === '["rpc",{"request":{"command":"refused.by_isolation","args":{}}}]';
}

test("well-formed calls and listening pass unchanged", () => {
  const call = { request: { command: "queue.discard", args: { change: "x" } } };
  expect(pass("rpc", call).payload).toBe(call);
  expect(isRefused("rpc", { request: { command: "status" } })).toBe(false);
  expect(isRefused("plugin:event|listen", { event: "omni-event", target: { kind: "Any" }, handler: 3 })).toBe(false);
  expect(isRefused("plugin:event|unlisten", { event: "omni-event", eventId: 3 })).toBe(false);
});

test.each([
  ["another command", "plugin:window|set_title", { value: "x" }],
  ["another event", "plugin:event|listen", { event: "tauri://drag-drop", handler: 3 }],
  ["sending events", "plugin:event|emit", { event: "omni-event", payload: {} }],
  ["no payload", "rpc", undefined],
  ["raw bytes", "rpc", new Uint8Array(4)],
  ["an extra field beside the request", "rpc", { request: { command: "status", args: {} }, sql: "x" }],
  ["an extra field in the request", "rpc", { request: { command: "status", args: {}, path: "/" } }],
  ["a command that is no word", "rpc", { request: { command: "Status; DROP", args: {} } }],
  ["an overlong command", "rpc", { request: { command: "a".repeat(65), args: {} } }],
  ["arguments that are no object", "rpc", { request: { command: "set", args: ["a"] } }],
  ["more than one MiB", "rpc", { request: { command: "set", args: { text: "x".repeat(1048577) } } }],
])("%s is refused", (_name, cmd, payload) => {
  expect(isRefused(cmd, payload)).toBe(true);
});
