/** Rows and frames for tests, with every field that a test does not care about filled in. */
import type { Conversation, Message, TurnState } from "../src/api/types";
import type { ServerFrame, ServerPayloads } from "../src/generated/frames";

export function message(change: Partial<Message> = {}): Message {
  return {
    id: "m1",
    conversation_id: "c",
    branch_id: "b",
    seq: 1,
    parent_id: null,
    role: "user",
    parts: [],
    text: "",
    created_at: "2025-03-12T09:30:00.000Z",
    turn_id: null,
    turn_state: null,
    model: null,
    feedback: null,
    degraded: [],
    recalled: [],
    error: null,
    variants: null,
    ...change,
  };
}

export function turnState(change: Partial<TurnState> = {}): TurnState {
  return {
    id: "t",
    conversation_id: "c",
    branch_id: "b",
    message_id: "m",
    user_message_id: null,
    state: "open",
    seq: 0,
    content: "",
    degraded: [],
    recalled: [],
    error: null,
    model: null,
    usage: null,
    created_at: "2025-03-12T09:30:00.000Z",
    finished_at: null,
    ...change,
  };
}

export function conversation(change: Partial<Conversation> = {}): Conversation {
  return {
    id: "c",
    title: "Title",
    agent_id: "a",
    agent_name: "Ada",
    archived: false,
    created_at: "2025-03-12T09:30:00.000Z",
    updated_at: "2025-03-12T09:30:00.000Z",
    active_branch_id: "b",
    last_turn: null,
    match: null,
    ...change,
  };
}

export function frame<T extends keyof ServerPayloads>(
  type: T,
  payload: ServerPayloads[T],
): ServerFrame {
  return { type, id: "f", timestamp: "2025-03-12T09:30:00.000Z", payload } as ServerFrame;
}

/** A storage that lives in memory, as a browser's would. */
export class MemoryStorage {
  readonly #items = new Map<string, string>();

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }
}
