/** The addresses of the interface: own pages, then those of the tenant, then of the platform. */
import type { RouteTable } from "./router";

export const ROUTES = [
  ["chat", "/"],
  ["chat", "/chat"],
  ["chat", "/chat/:conversation"],
  ["sign-in", "/sign-in"],
  ["password", "/password"],
  ["agents", "/agents"],
  ["agents", "/agents/:agent"],
  ["providers", "/platform/providers"],
] as const satisfies RouteTable;

export const HOME = "/chat";

export function conversationPath(id: string): string {
  return `/chat/${encodeURIComponent(id)}`;
}

export function signInPath(next: string): string {
  return next === "/" || next === HOME ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`;
}
