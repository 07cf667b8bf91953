/**
 * Addresses and the History API: patterns such as `/chat/:conversation`, nothing else.
 *
 * Own code of one page instead of a library; `URLPattern` is not needed for segments and
 * parameters. It never renders: the app reads `state.match`.
 */
import { Store } from "../store";

export interface RouteMatch {
  name: string;
  params: Readonly<Record<string, string>>;
}

export interface RouterState {
  path: string;
  query: URLSearchParams;
  match: RouteMatch | null;
}

export type RouteTable = readonly (readonly [name: string, pattern: string])[];

/** The first route whose pattern fits the path; a trailing slash makes no difference. */
export function matchRoute(routes: RouteTable, path: string): RouteMatch | null {
  const parts = path.split("/").filter((part) => part !== "");
  for (const [name, pattern] of routes) {
    const wanted = pattern.split("/").filter((part) => part !== "");
    if (wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((segment, index) => {
      const part = parts[index] ?? "";
      if (!segment.startsWith(":")) return segment === part;
      try {
        params[segment.slice(1)] = decodeURIComponent(part);
        return true;
      } catch {
        return false;
      }
    });
    if (fits) return { name, params };
  }
  return null;
}

const FOREIGN = ["/api/", "/static/", "/health", "/metrics", "/ws/"];

export class Router extends Store<RouterState> {
  constructor(private readonly routes: RouteTable) {
    super({ path: "/", query: new URLSearchParams(), match: null });
  }

  start(): void {
    addEventListener("popstate", this.#read);
    document.addEventListener("click", this.#onClick);
    this.#read();
  }

  stop(): void {
    removeEventListener("popstate", this.#read);
    document.removeEventListener("click", this.#onClick);
  }

  go(path: string, options: { replace?: boolean } = {}): void {
    if (options.replace === true) history.replaceState(null, "", path);
    else if (path !== location.pathname + location.search) history.pushState(null, "", path);
    this.#read();
  }

  readonly #read = (): void => {
    this.patch({
      path: location.pathname,
      query: new URLSearchParams(location.search),
      match: matchRoute(this.routes, location.pathname),
    });
  };

  readonly #onClick = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event
      .composedPath()
      .find((target): target is HTMLAnchorElement => target instanceof HTMLAnchorElement);
    if (link === undefined || link.target !== "" || link.hasAttribute("download")) return;
    if (link.getAttribute("href")?.startsWith("#") === true) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin) return;
    if (FOREIGN.some((prefix) => url.pathname.startsWith(prefix))) return;
    event.preventDefault();
    this.go(url.pathname + url.search);
  };
}
