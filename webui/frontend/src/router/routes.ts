/** The addresses of the interface: own pages, then those of the tenant, then of the platform. */
import type { RouteTable } from "./router";

export const ROUTES = [
  ["chat", "/"],
  ["chat", "/chat"],
  ["chat", "/chat/:conversation"],
  ["sign-in", "/sign-in"],
  ["forgotten", "/forgotten-password"],
  ["register", "/register"],
  ["reset", "/reset-password"],
  ["invitation", "/invitation"],
  ["confirm-email", "/confirm-email"],
  ["confirm-account", "/confirm-account"],
  ["password", "/password"],
  ["profile", "/profile"],
  ["authorize", "/authorize"],
  ["agents", "/agents"],
  ["agents", "/agents/:agent"],
  ["cognitive", "/agents/:agent/training"],
  ["policy", "/rules"],
  ["memory", "/memory"],
  ["memory-graph", "/memory/graph"],
  ["memory-detail", "/memory/:memory"],
  ["keys", "/keys"],
  ["people", "/people"],
  ["roles", "/people/roles"],
  ["sign-on", "/sign-on"],
  ["audit", "/audit"],
  ["setup", "/setup"],
  ["usage", "/usage"],
  ["playground", "/playground"],
  ["providers", "/platform/providers"],
  ["prices", "/platform/prices"],
  ["routing", "/routing"],
  ["platform-routing", "/platform/routing"],
  ["spending", "/platform/spending"],
  ["health", "/platform/health"],
  ["mode", "/platform/mode"],
  ["tenants", "/platform/tenants"],
  ["acting", "/platform/acting"],
  ["events", "/platform/events"],
  ["mails", "/platform/mails"],
] as const satisfies RouteTable;

export const HOME = "/chat";
export const MEMORY = "/memory";
export const HEALTH = "/platform/health";
export const MODE = "/platform/mode";
export const RULES = "/rules";
export const PRICES = "/platform/prices";
export const ROUTING = "/routing";
export const PLATFORM_ROUTING = "/platform/routing";
export const SPENDING = "/platform/spending";
export const KEYS = "/keys";
export const PEOPLE = "/people";
export const ROLES = "/people/roles";
export const SIGN_ON = "/sign-on";
export const SETUP = "/setup";
export const AUDIT = "/audit";
export const TENANTS = "/platform/tenants";
export const ACTING = "/platform/acting";
export const USAGE = "/usage";
export const PLAYGROUND = "/playground";
export const EVENTS = "/platform/events";
export const MAILS = "/platform/mails";
export const SIGN_IN = "/sign-in";
export const PASSWORD = "/password";
export const PROFILE = "/profile";
export const FORGOTTEN = "/forgotten-password";
export const REGISTER = "/register";
/** Pages of links in mails and of people who cannot sign in. */
export const OPEN_PAGES: readonly string[] = [
  "forgotten",
  "register",
  "reset",
  "invitation",
  "confirm-email",
  "confirm-account",
];

export function conversationPath(id: string): string {
  return `/chat/${encodeURIComponent(id)}`;
}

/** Whom one can act as in an organisation. */
export function actingPath(slug: string): string {
  return `${ACTING}?tenant=${encodeURIComponent(slug)}`;
}

export function memoryPath(id: string): string {
  return `${MEMORY}/${encodeURIComponent(id)}`;
}

/** The graph around a memory, around a name, or as a whole. */
export function graphPath(start: { around?: string; name?: string } = {}): string {
  const query = new URLSearchParams(start).toString();
  return `${MEMORY}/graph${query === "" ? "" : `?${query}`}`;
}

export function trainingPath(agentId: string): string {
  return `/agents/${encodeURIComponent(agentId)}/training`;
}
