// Every message from the page to Rust passes here, outside the page's reach. What does not look like one of the few messages
// the page has reason to send is replaced by one that Rust refuses. No dependencies, nothing fetched.
"use strict";

const MAX_MESSAGE_CHARS = 1048576;
const MAX_COMMAND_CHARS = 64;
const EVENT = "omni-event";
// Asked by the notification plugin's own script when a page loads; it answers yes or no.
const ASKS_FOR_NOTIFICATIONS = "plugin:notification|is_permission_granted";
const REFUSED = Object.freeze({ request: Object.freeze({ command: "refused.by_isolation", args: Object.freeze({}) }) });

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasOnly(value, names) {
  return Object.keys(value).every((name) => names.includes(name));
}

function isRpc(payload) {
  if (!isObject(payload) || !hasOnly(payload, ["request"]) || !isObject(payload.request)) return false;
  const { command, args } = payload.request;
  return (
    hasOnly(payload.request, ["command", "args"]) &&
    typeof command === "string" &&
    command.length <= MAX_COMMAND_CHARS &&
    /^[a-z_]+(\.[a-z_]+)*$/.test(command) &&
    (args === undefined || isObject(args)) &&
    JSON.stringify(payload).length <= MAX_MESSAGE_CHARS
  );
}

function isListening(payload) {
  return isObject(payload) && payload.event === EVENT;
}

function allowed(message) {
  if (message.cmd === "rpc") return isRpc(message.payload);
  if (message.cmd === "plugin:event|listen" || message.cmd === "plugin:event|unlisten") return isListening(message.payload);
  return message.cmd === ASKS_FOR_NOTIFICATIONS;
}

window.__TAURI_ISOLATION_HOOK__ = (message) => {
  if (allowed(message)) return message;
  return { ...message, cmd: "rpc", payload: REFUSED };
};
