// Opens a record on the screen that shows its collection.

import { router } from "./state/route.svelte";

export function openRecord(collection: string, id: string): void {
  if (collection === "brand") router.go("brands", { id });
  else if (collection === "sector") router.go("brands", { sector: id, pane: "sector" });
  else router.go("records", { c: collection, id });
}

/** Collections that the Sectors & Brands screen shows. */
export const OWN_SCREEN: readonly string[] = ["sector", "brand"];
