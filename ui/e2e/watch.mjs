// What must never happen while the page is driven.

/** Follows a page of the server at `origin`: the list it returns grows by what went wrong. */
export async function watch(page, origin) {
  const found = [];
  await page.exposeFunction("omniViolation", (text) => found.push(`content policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => globalThis.omniViolation(`${e.violatedDirective} ${e.blockedURI}`));
  });
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && found.push(`console ${m.type()}: ${m.text()} ${m.location().url}`));
  page.on("pageerror", (e) => found.push(`page error: ${e.message}`));
  page.on("request", (r) => !r.url().startsWith(`${origin}/`) && !r.url().startsWith("data:") && found.push(`request to another host: ${r.url()}`));
  page.on("response", async (r) => {
    if (r.ok() || r.request().method() !== "POST") return;
    found.push(`refused: ${r.request().postData()}: ${await r.text().catch(() => "no answer")}`);
  });
  return found;
}
