// The real programs: each child is known by its id, and ended by it.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";

const STOP_MS = 10_000;
const running = new Set();

/** Starts a program that runs on; `log` gets its stderr. Resolves with its first line of stdout, read as JSON. */
export async function serve(program, args, { env, log, within }) {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.stderr.pipe(createWriteStream(log, { flags: "a" }));
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(within);
  const ended = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`${program} ended with code ${code} before its first line; see ${log}`);
  });
  const [line] = await Promise.race([once(lines, "line", { signal }), ended]);
  ended.catch(() => {});
  return { child, said: JSON.parse(line) };
}

/** Ends one child and waits until it is gone; the exit code. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, "exit");
  child.kill("SIGCONT");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(timer);
  return child.exitCode;
}

export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** Runs a program to its end; its one JSON object. */
export async function ask(program, args, { env, within = 60_000 }) {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (d) => (out += d));
  child.stderr.on("data", (d) => (err += d));
  const timer = setTimeout(() => child.kill("SIGKILL"), within);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  running.delete(child);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: code ${code}\n${out}${err}`);
  return JSON.parse(out);
}

/** The built programs. */
export function programs(root) {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  return { central: join(target, "debug", "omni-central"), omnictl: join(target, "debug", "omnictl") };
}
