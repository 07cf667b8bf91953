/**
 * The memories of the page: newest first, or best first while a search is typed.
 *
 * Only the newest request may write its result. What is on its way out is left out by the page,
 * which knows `ForgettingStore`.
 */
import { isAbort, problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { Store } from "../store";
import type { MemoryApi } from "./memory-api";
import type { MemoryFilter, MemoryItem } from "./types";

export interface MemoryListState {
  phase: "loading" | "ready" | "error";
  filter: MemoryFilter;
  items: readonly MemoryItem[];
  next: string | null;
  problem: Problem | null;
  /** A newer answer is on its way while older ones are still shown. */
  searching: boolean;
  loadingMore: boolean;
  moreProblem: Problem | null;
  selected: ReadonlySet<string>;
}

export const NO_FILTER: MemoryFilter = {
  q: "",
  agent_id: "",
  kind: "",
  speaker: "",
  conversation_id: "",
  since: "",
  until: "",
};

const PAGE_SIZE = 30;
const SEARCH_LIMIT = 50;
const SEARCH_DELAY_MS = 200;

export function sameFilter(a: MemoryFilter, b: MemoryFilter): boolean {
  return (Object.keys(NO_FILTER) as (keyof MemoryFilter)[]).every((name) => a[name] === b[name]);
}

export class MemoryListStore extends Store<MemoryListState> {
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Pick<MemoryApi, "search" | "recent">) {
    super({
      phase: "loading",
      filter: NO_FILTER,
      items: [],
      next: null,
      problem: null,
      searching: false,
      loadingMore: false,
      moreProblem: null,
      selected: new Set(),
    });
  }

  /** Shows what fits; words are waited for until the typing pauses. */
  show(change: Partial<MemoryFilter>): void {
    const filter = { ...this.state.filter, ...change };
    if (sameFilter(filter, this.state.filter)) return;
    const isTyping = filter.q !== this.state.filter.q && filter.q !== "";
    this.patch({ filter, searching: true });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), isTyping ? SEARCH_DELAY_MS : 0);
  }

  stop(): void {
    this.#abort?.abort();
    clearTimeout(this.#timer);
  }

  async load(): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    const { filter, phase } = this.state;
    this.patch({ searching: true, ...(phase === "error" ? { phase: "loading", problem: null } : {}) });
    try {
      const isSearch = filter.q.trim() !== "";
      const page = isSearch
        ? await this.api.search(filter, SEARCH_LIMIT, abort.signal)
        : await this.api.recent(filter, PAGE_SIZE, null, abort.signal);
      if (abort.signal.aborted) return;
      const shown = new Set(page.items.map(({ memory_id: id }) => id));
      this.patch({
        phase: "ready",
        items: page.items,
        next: page.next,
        problem: null,
        moreProblem: null,
        searching: false,
        loadingMore: false,
        // What is no longer seen must not be forgotten with the rest.
        selected: new Set([...this.state.selected].filter((id) => shown.has(id))),
      });
    } catch (failure) {
      if (isAbort(failure) || abort.signal.aborted) return;
      this.patch({ phase: "error", problem: problemOf(failure), searching: false });
    }
  }

  async loadMore(): Promise<void> {
    const { next, loadingMore, filter } = this.state;
    if (next === null || loadingMore || this.state.searching) return;
    this.patch({ loadingMore: true, moreProblem: null });
    try {
      const page = await this.api.recent(filter, PAGE_SIZE, next);
      if (this.state.next !== next || !sameFilter(filter, this.state.filter)) {
        this.patch({ loadingMore: false });
        return;
      }
      const known = new Set(this.state.items.map(({ memory_id: id }) => id));
      const fresh = page.items.filter(({ memory_id: id }) => !known.has(id));
      this.patch({ items: [...this.state.items, ...fresh], next: page.next, loadingMore: false });
    } catch (failure) {
      this.patch({ loadingMore: false, moreProblem: problemOf(failure) });
    }
  }

  select(id: string, chosen: boolean): void {
    const selected = new Set(this.state.selected);
    if (chosen) selected.add(id);
    else selected.delete(id);
    this.patch({ selected });
  }

  selectAll(ids: readonly string[]): void {
    this.patch({ selected: new Set(ids) });
  }

  /** Takes memories that are gone out of the list and out of the selection. */
  drop(ids: ReadonlySet<string>): void {
    this.patch({
      items: this.state.items.filter(({ memory_id: id }) => !ids.has(id)),
      selected: new Set([...this.state.selected].filter((id) => !ids.has(id))),
    });
  }
}
