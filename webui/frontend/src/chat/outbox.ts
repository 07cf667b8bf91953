/**
 * Messages that the server has not accepted yet.
 *
 * Each carries a client key made once, so sending it again after a lost connection, a reload
 * or from a second tab can never start a second turn. A message leaves only when the server
 * has accepted it or the user takes it back.
 */
import type { Problem } from "../api/types";
import type { ClientPayloads } from "../generated/frames";
import { Store } from "../store";
import type { TextStorage } from "./drafts";

export interface PendingMessage {
  client_key: string;
  conversation_id: string;
  content: string;
  created_at: string;
  problem: Problem | null;
}

interface OutboxState {
  items: readonly PendingMessage[];
}

type Send = (type: "chat.message", payload: ClientPayloads["chat.message"]) => string | null;

const PREFIX = "soma.outbox.";
/** A problem that passes: the message is sent again by itself, as people are told. */
const PASSING = "database-away";
const PAUSE_S = 2;

export class Outbox extends Store<OutboxState> {
  readonly #sent = new Map<string, string>();
  readonly #inFlight = new Set<string>();

  constructor(
    private readonly storage: TextStorage,
    private readonly userId: () => string,
    private readonly send: Send,
    private readonly newKey: () => string = () => crypto.randomUUID(),
    private readonly now: () => Date = () => new Date(),
    private readonly later: (act: () => void, ms: number) => void = (act, ms) => {
      setTimeout(act, ms);
    },
  ) {
    super({ items: [] });
  }

  /** Reads what an earlier page of the same person has left. */
  load(): void {
    this.patch({ items: this.#stored() });
  }

  forConversation(conversationId: string): readonly PendingMessage[] {
    return this.state.items.filter((item) => item.conversation_id === conversationId);
  }

  add(conversationId: string, content: string): PendingMessage {
    const item: PendingMessage = {
      client_key: this.newKey(),
      conversation_id: conversationId,
      content,
      created_at: this.now().toISOString(),
      problem: null,
    };
    this.#keep([...this.state.items, item]);
    this.#transmit(item);
    return item;
  }

  /** Sends everything that waits; called whenever a connection has been made. */
  flush(): void {
    this.#sent.clear();
    this.#inFlight.clear();
    this.load();
    for (const item of this.state.items) if (item.problem === null) this.#transmit(item);
  }

  /** The same key again: if the first attempt did arrive, nothing happens twice. */
  retry(clientKey: string): void {
    this.#keep(
      this.state.items.map((item) =>
        item.client_key === clientKey ? { ...item, problem: null } : item,
      ),
    );
    const item = this.state.items.find((candidate) => candidate.client_key === clientKey);
    if (item !== undefined) this.#transmit(item);
  }

  accepted(clientKey: string): void {
    this.#inFlight.delete(clientKey);
    if (!this.state.items.some((item) => item.client_key === clientKey)) return;
    this.#keep(this.state.items.filter((item) => item.client_key !== clientKey));
  }

  /** Takes a message back; gives its text so that it can be edited. */
  withdraw(clientKey: string): string {
    const item = this.state.items.find((candidate) => candidate.client_key === clientKey);
    this.accepted(clientKey);
    return item?.content ?? "";
  }

  /** Marks the message that frame `ref` carried; false when the frame was none of ours. */
  refused(ref: string | null, problem: Problem): boolean {
    const clientKey = ref === null ? undefined : this.#sent.get(ref);
    if (clientKey === undefined) return false;
    this.#inFlight.delete(clientKey);
    this.#keep(
      this.state.items.map((item) => (item.client_key === clientKey ? { ...item, problem } : item)),
    );
    if (problem.code === PASSING) {
      this.later(
        () => {
          this.#again(clientKey);
        },
        (problem.retry_after ?? PAUSE_S) * 1000,
      );
    }
    return true;
  }

  /** Unless it was taken back, or sent by hand in the meantime. */
  #again(clientKey: string): void {
    const item = this.state.items.find((candidate) => candidate.client_key === clientKey);
    if (item?.problem?.code === PASSING) this.retry(clientKey);
  }

  isInFlight(clientKey: string): boolean {
    return this.#inFlight.has(clientKey);
  }

  clear(): void {
    this.#keep([]);
  }

  #transmit(item: PendingMessage): void {
    const id = this.send("chat.message", {
      conversation_id: item.conversation_id,
      content: item.content,
      client_key: item.client_key,
    });
    if (id === null) return;
    this.#sent.set(id, item.client_key);
    this.#inFlight.add(item.client_key);
    this.patch({ items: [...this.state.items] });
  }

  #stored(): PendingMessage[] {
    try {
      const text = this.storage.getItem(PREFIX + this.userId());
      return text === null ? [] : (JSON.parse(text) as PendingMessage[]);
    } catch {
      return [...this.state.items];
    }
  }

  #keep(items: readonly PendingMessage[]): void {
    try {
      if (items.length === 0) this.storage.removeItem(PREFIX + this.userId());
      else this.storage.setItem(PREFIX + this.userId(), JSON.stringify(items));
    } catch {
      // Storage is full or forbidden: the message is kept for as long as the page lives.
    }
    this.patch({ items });
  }
}
