/**
 * Pages that come between a person and where they wanted to go: signing in, a password or a second
 * factor that is due.
 *
 * The address of such a page keeps that place as `next` and hands it on to the one after it, so that
 * what a program asks for on `/authorize` survives them all.
 */
import { matchRoute } from "./router";
import { HOME, PROFILE, ROUTES } from "./routes";

const BETWEEN: readonly string[] = ["sign-in", "forgotten", "register", "password", "profile"];
// Stands for our own origin, whatever it is.
const HERE = "https://here.invalid";

/** The address of a page in between, on the way to somewhere. */
export function detour(page: string, destination: string): string {
  const isNoWish = destination === HOME || destination === page;
  return isNoWish ? page : `${page}?next=${encodeURIComponent(destination)}`;
}

/**
 * Where somebody at this address is on the way to: the address itself, or what a page in between keeps.
 *
 * Always a path of this interface: whatever leads elsewhere leads home.
 */
export function destinationOf(address: string): string {
  if (!address.startsWith("/") || !URL.canParse(address, HERE)) return HOME;
  const url = new URL(address, HERE);
  if (url.origin !== HERE) return HOME;
  const name = matchRoute(ROUTES, url.pathname)?.name ?? "";
  const next = BETWEEN.includes(name) ? url.searchParams.get("next") : null;
  if (next !== null) return destinationOf(next);
  if (name === "profile") return PROFILE;
  return BETWEEN.includes(name) || address === "/" ? HOME : url.pathname + url.search;
}

/** The same for where the browser is. */
export function destination(): string {
  return destinationOf(location.pathname + location.search);
}
