// Where the operator is, held in the address so that back, forward and deep links work. A link never writes.

export type Screen = "home" | "brands" | "records" | "queue" | "conflicts" | "monitor" | "settings";

const SCREENS: readonly Screen[] = ["home", "brands", "records", "queue", "conflicts", "monitor", "settings"];

export interface Route {
  screen: Screen;
  /** What the screen understands of it: sector, collection, id, sort, search, filters (`f.status`). */
  params: Readonly<{ [key: string]: string }>;
}

/** Reads `#/brands?sector=banking&id=…`; anything else is the home screen. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const screen = SCREENS.find((s) => s === path) ?? "home";
  return { screen, params: Object.fromEntries(new URLSearchParams(query)) };
}

export function formatRoute(route: Route): string {
  const query = new URLSearchParams(Object.entries(route.params).filter(([, v]) => v !== "")).toString();
  return `#/${route.screen}${query === "" ? "" : `?${query}`}`;
}

class Router {
  current = $state.raw<Route>(parseRoute(location.hash));

  start(): () => void {
    const read = () => (this.current = parseRoute(location.hash));
    window.addEventListener("popstate", read);
    window.addEventListener("hashchange", read);
    read();
    return () => {
      window.removeEventListener("popstate", read);
      window.removeEventListener("hashchange", read);
    };
  }

  go(screen: Screen, params: Route["params"] = {}): void {
    this.#show({ screen, params }, "push");
  }

  /** Changes parameters of this screen. `replace` is for what is no step back: the cursor, a search being typed. */
  patch(params: { [key: string]: string | null }, how: "push" | "replace" = "push"): void {
    const next: { [key: string]: string } = { ...this.current.params };
    for (const [key, value] of Object.entries(params)) {
      if (value === null || value === "") delete next[key];
      else next[key] = value;
    }
    this.#show({ screen: this.current.screen, params: next }, how);
  }

  #show(route: Route, how: "push" | "replace"): void {
    const hash = formatRoute(route);
    if (hash === location.hash) return;
    if (how === "push") history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
    this.current = route;
  }
}

export const router = new Router();
