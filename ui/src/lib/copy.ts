// The clipboard, where there is one.

import { notices } from "./state/notices.svelte";

/** Copies a text. False, and said, if it cannot be copied here. */
export async function copyText(text: string, done: string, otherwise: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    notices.say("copy", done);
    return true;
  } catch {
    notices.fail("copy", { code: "clipboard", message: `The clipboard is not available here. ${otherwise}` });
    return false;
  }
}
