// Makes package-lock.json usable on every platform and registry. Run after each `npm install` that changed it:
//
//   npm install && node scripts/fix-lock.mjs
//
// Three repairs:
// 1. A registry mirror may lack some of a package's optional platform packages. `npm install` then leaves them out of the
//    lock, and `npm ci` refuses a lock without them. They are added without integrity; npm skips them where they do not fit.
// 2. `resolved` addresses tie the lock to one registry; they are removed.
// 3. `funding` addresses are of no use to an installation; they are removed too.
import { readFileSync, writeFileSync } from "node:fs";

const LOCK = new URL("../package-lock.json", import.meta.url);
const OSES = new Set(["darwin", "win32", "linux", "freebsd", "openbsd", "netbsd", "sunos", "aix", "android", "openharmony"]);
const CPUS = new Set(["x64", "arm64", "arm", "ia32", "riscv64", "loong64", "ppc64", "s390x", "mips64el", "wasm32"]);
const LIBCS = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" };

/** What npm writes for an optional platform package, read off its name: `…-linux-x64-gnu`. */
function platformEntry(name, version, dev) {
  const parts = name.split("/").pop().split("-");
  const os = parts.find((part) => OSES.has(part));
  const cpu = parts.find((part) => CPUS.has(part));
  if (!cpu && !os) return null;
  const libc = os === "linux" ? parts.map((part) => LIBCS[part]).find(Boolean) : undefined;
  return {
    version,
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(dev ? { dev: true } : {}),
    ...(libc ? { libc: [libc] } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  };
}

const lock = JSON.parse(readFileSync(LOCK, "utf8"));
const packages = lock.packages;
const added = [];
for (const [path, entry] of Object.entries(packages)) {
  delete entry.resolved;
  delete entry.funding;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const hoisted = `node_modules/${name}`;
    if (packages[nested] || packages[hoisted]) continue;
    if (!/^\d/.test(version)) continue;
    const made = platformEntry(name, version, entry.dev === true);
    if (!made) continue;
    packages[hoisted] = made;
    added.push(name);
  }
}
// Workspace links need their target.
for (const [path, entry] of Object.entries(packages)) {
  if (entry.link) entry.resolved = path.replace(/^node_modules\//, "") in packages ? path.replace(/^node_modules\//, "") : workspaceOf(path);
}

/** The folder of a linked workspace package: the one whose name the link carries. */
function workspaceOf(path) {
  const name = path.replace(/^node_modules\//, "");
  const folder = Object.entries(packages).find(([key, entry]) => !key.includes("node_modules") && entry.name === name);
  if (!folder) throw new Error(`package-lock.json: no workspace is called ${name}`);
  return folder[0];
}

lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length ? `added to the lock: ${added.join(", ")}` : "the lock already names every platform");
