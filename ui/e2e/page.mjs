// Short words for what a test does with the page. Every wait is for a state of the page, never for a time.
import assert from "node:assert/strict";
import { join } from "node:path";

const SIZES = [{ width: 1280, height: 800 }, { width: 1920, height: 1080 }];

export class Desk {
  constructor(page, pictures) {
    this.page = page;
    this.pictures = pictures;
  }

  id(testid) {
    return this.page.getByTestId(testid);
  }

  /** Waits until an element is there and holds the text. */
  async says(locator, text, timeout = 10_000) {
    await locator.filter({ hasText: text }).first().waitFor({ timeout }).catch(async () => {
      const now = await locator.first().textContent({ timeout: 500 }).catch(() => "nothing");
      assert.fail(`${locator}: expected ${text}, found “${now}”`);
    });
  }

  /** Waits until an element with this test id is in this state. */
  async state(testid, state, timeout = 10_000) {
    await this.page.locator(`[data-testid="${testid}"][data-state="${state}"]`).waitFor({ timeout }).catch(async () => {
      const now = await this.id(testid).getAttribute("data-state", { timeout: 500 }).catch(() => "absent");
      assert.fail(`${testid}: expected state “${state}”, found “${now}”`);
    });
  }

  /** The word of the pill. */
  async sync(state, timeout = 20_000) {
    await this.page.locator(`.pill .word[data-state="${state}"]`).waitFor({ timeout }).catch(async () => {
      const now = await this.page.locator(".pill .word").getAttribute("data-state", { timeout: 500 }).catch(() => "absent");
      assert.fail(`pill: expected “${state}”, found “${now}”`);
    });
  }

  async gone(locator, timeout = 10_000) {
    await locator.waitFor({ state: "detached", timeout });
  }

  /** Waits until a reading of the page is as wanted; reads again at each frame the page paints. */
  async until(what, read, wanted, timeout = 10_000) {
    const end = Date.now() + timeout;
    let now;
    for (;;) {
      now = await read();
      if (wanted(now)) return now;
      if (Date.now() > end) assert.fail(`${what}: ${JSON.stringify(now)}`);
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    }
  }

  async go(screen) {
    await this.id(`nav-${screen}`).click();
    await this.id(`screen-${screen}`).waitFor();
  }

  /** Cells of a column, of the rows in the DOM, in their order. */
  column(name) {
    return this.page.locator(`[role=gridcell][data-column="${name}"]`).evaluateAll((cells) =>
      cells
        .map((c) => ({ at: Number(c.parentElement.getAttribute("aria-rowindex")), text: c.title }))
        .sort((a, b) => a.at - b.at)
        .map((c) => c.text));
  }

  /** Pictures of what is open, at both sizes; in both themes if asked. */
  async picture(name, themes = ["dark", "light"]) {
    for (const size of SIZES) {
      await this.page.setViewportSize(size);
      for (const scheme of themes) {
        await this.page.emulateMedia({ colorScheme: scheme });
        await this.page.screenshot({ path: join(this.pictures, `${name}-${scheme}-${size.width}.png`), animations: "disabled" });
      }
    }
    await this.page.setViewportSize(SIZES[0]);
    await this.page.emulateMedia({ colorScheme: "dark" });
  }
}
