/** The filter of the Memory page as part of its address, so that it can be linked and reloaded. */
import { MEMORY } from "../router/routes";
import { NO_FILTER } from "./list-store";
import type { MemoryFilter } from "./types";

export type Tab = "all" | "conversations" | "facts" | "episodes" | "focus";
export const TABS: readonly Tab[] = ["all", "conversations", "facts", "episodes", "focus"];

export function tabOf(query: URLSearchParams): Tab {
  return TABS.find((tab) => tab === query.get("tab")) ?? "all";
}

/** Which kind of memory the server is asked for. */
export function kindOf(tab: Tab): string {
  if (tab === "facts") return "semantic";
  if (tab === "focus") return "working";
  return tab === "all" ? "" : "episodic";
}

const NAMES: Record<Exclude<keyof MemoryFilter, "kind">, string> = {
  q: "q",
  agent_id: "agent",
  speaker: "said-by",
  conversation_id: "conversation",
  since: "since",
  until: "until",
};

export function filterOf(query: URLSearchParams): MemoryFilter {
  const filter: MemoryFilter = { ...NO_FILTER, kind: kindOf(tabOf(query)) };
  for (const [field, name] of Object.entries(NAMES)) {
    filter[field as keyof typeof NAMES] = query.get(name) ?? "";
  }
  return filter;
}

export function addressOf(filter: MemoryFilter, tab: Tab): string {
  const query = new URLSearchParams();
  if (tab !== "all") query.set("tab", tab);
  for (const [field, name] of Object.entries(NAMES)) {
    const value = filter[field as keyof typeof NAMES];
    if (value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? MEMORY : `${MEMORY}?${text}`;
}

/** Whether anything narrows the list, the tab aside. */
export function isNarrowed(filter: MemoryFilter): boolean {
  return Object.keys(NAMES).some((field) => filter[field as keyof typeof NAMES] !== "");
}
