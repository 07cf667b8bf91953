/** Memories gathered by the conversation they come from. */
import type { MemoryItem } from "./types";

export interface MemoryGroup {
  conversationId: string | null;
  items: MemoryItem[];
}

/** In the order in which each conversation first appears; what has none stands last. */
export function byConversation(items: readonly MemoryItem[]): MemoryGroup[] {
  const groups = new Map<string | null, MemoryGroup>();
  for (const item of items) {
    const id = item.conversation_id;
    const group = groups.get(id) ?? { conversationId: id, items: [] };
    group.items.push(item);
    groups.set(id, group);
  }
  const all = [...groups.values()];
  return [
    ...all.filter(({ conversationId }) => conversationId !== null),
    ...all.filter(({ conversationId }) => conversationId === null),
  ];
}
