/**
 * The list of conversations: search, pages, and the acts on one of them.
 *
 * Shows what the user did at once and takes it back when the server refuses. Only the newest
 * search may write its result.
 */
import type { Api } from "../api/api";
import { isAbort, problemOf } from "../api/http";
import type { Conversation, Problem } from "../api/types";
import type { ServerFrame } from "../generated/frames";
import { Store } from "../store";

export interface ListState {
  phase: "loading" | "ready" | "error";
  items: readonly Conversation[];
  next: string | null;
  problem: Problem | null;
  loadingMore: boolean;
  moreProblem: Problem | null;
  q: string;
  archived: boolean;
  /** A search is on its way while older results are still shown. */
  searching: boolean;
}

const PAGE_SIZE = 30;
const SEARCH_DELAY_MS = 180;

const EMPTY: ListState = {
  phase: "loading",
  items: [],
  next: null,
  problem: null,
  loadingMore: false,
  moreProblem: null,
  q: "",
  archived: false,
  searching: false,
};

export class ConversationListStore extends Store<ListState> {
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: Api,
    private readonly onProblem: (problem: Problem) => void,
  ) {
    super(EMPTY);
  }

  /** Forgets everything: another person or tenant is looking. */
  reset(): void {
    this.#abort?.abort();
    clearTimeout(this.#timer);
    this.patch(EMPTY);
  }

  search(q: string): void {
    if (q === this.state.q) return;
    this.patch({ q, searching: true });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), q === "" ? 0 : SEARCH_DELAY_MS);
  }

  showArchived(archived: boolean): void {
    this.patch({ archived, phase: "loading", items: [], next: null });
    void this.load();
  }

  async load(): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const { q, archived } = this.state;
    if (this.state.phase === "error") this.patch({ phase: "loading", problem: null });
    try {
      const page = await this.api.conversations({ q, archived, limit: PAGE_SIZE }, abort.signal);
      if (abort.signal.aborted) return;
      this.patch({
        phase: "ready",
        items: page.items,
        next: page.next,
        problem: null,
        moreProblem: null,
        searching: false,
      });
    } catch (failure) {
      if (isAbort(failure)) return;
      this.patch({ phase: "error", problem: problemOf(failure), searching: false });
    }
  }

  async loadMore(): Promise<void> {
    const { next, loadingMore, q, archived } = this.state;
    if (next === null || loadingMore) return;
    this.patch({ loadingMore: true, moreProblem: null });
    try {
      const page = await this.api.conversations({ q, archived, cursor: next, limit: PAGE_SIZE });
      if (this.state.q !== q || this.state.archived !== archived) {
        this.patch({ loadingMore: false });
        return;
      }
      const known = new Set(this.state.items.map((item) => item.id));
      const items = [...this.state.items, ...page.items.filter((item) => !known.has(item.id))];
      this.patch({ items, next: page.next, loadingMore: false });
    } catch (failure) {
      this.patch({ loadingMore: false, moreProblem: problemOf(failure) });
    }
  }

  /** Puts a conversation that has just been made or used on top. */
  lift(conversation: Conversation): void {
    if (this.state.q !== "" || conversation.archived !== this.state.archived) return;
    const rest = this.state.items.filter((item) => item.id !== conversation.id);
    this.patch({ items: [conversation, ...rest] });
  }

  async rename(id: string, title: string): Promise<Conversation | null> {
    const before = this.#find(id);
    this.#change(id, { title });
    try {
      return await this.api.updateConversation(id, { title });
    } catch (failure) {
      if (before !== undefined) this.#change(id, { title: before.title });
      this.onProblem(problemOf(failure));
      return null;
    }
  }

  setArchived(id: string, archived: boolean): Promise<boolean> {
    return this.#remove(id, () => this.api.updateConversation(id, { archived }));
  }

  delete(id: string): Promise<boolean> {
    return this.#remove(id, () => this.api.deleteConversation(id));
  }

  /** Brings back what was deleted or archived a moment ago. */
  async undo(act: "delete" | "archive" | "unarchive", id: string): Promise<boolean> {
    try {
      if (act === "delete") await this.api.restoreConversation(id);
      else await this.api.updateConversation(id, { archived: act === "unarchive" });
      await this.load();
      return true;
    } catch (failure) {
      this.onProblem(problemOf(failure));
      return false;
    }
  }

  onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case "title_update":
        this.#change(frame.payload.conversation_id, { title: frame.payload.title });
        break;
      case "conversation.changed":
        void this.#refetch(frame.payload.conversation_id);
        break;
      case "chat.accepted": {
        const found = this.#find(frame.payload.conversation_id);
        if (found !== undefined) this.lift({ ...found, updated_at: frame.timestamp });
        break;
      }
      default:
    }
  }

  async #refetch(id: string): Promise<void> {
    if (this.#find(id) === undefined) return;
    try {
      const fresh = await this.api.conversation(id);
      if (fresh.archived !== this.state.archived) this.#drop(id);
      else this.#change(id, { ...fresh, match: this.#find(id)?.match ?? null });
    } catch (failure) {
      if (problemOf(failure).status === 404) this.#drop(id);
    }
  }

  async #remove(id: string, ask: () => Promise<unknown>): Promise<boolean> {
    const before = this.state.items;
    this.#drop(id);
    try {
      await ask();
      return true;
    } catch (failure) {
      this.patch({ items: before });
      this.onProblem(problemOf(failure));
      return false;
    }
  }

  #find(id: string): Conversation | undefined {
    return this.state.items.find((item) => item.id === id);
  }

  #drop(id: string): void {
    this.patch({ items: this.state.items.filter((item) => item.id !== id) });
  }

  #change(id: string, change: Partial<Conversation>): void {
    this.patch({
      items: this.state.items.map((item) => (item.id === id ? { ...item, ...change } : item)),
    });
  }
}
