/** A list that comes in pages: loading, a problem, nothing found, or items with a button for more. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { ReactiveControllerHost, TemplateResult } from "lit";
import { problemOf } from "../api/http";
import type { Page, Problem } from "../api/types";
import { problemView, skeleton } from "./states";
import type { ToastStore } from "./toasts";

export interface PagedViews<T> {
  /** Said while the first page is awaited. */
  loading: string;
  empty: TemplateResult;
  full: (items: readonly T[]) => TemplateResult;
  /** The words of the button for the next page. */
  more?: string;
}

export class PagedList<T> {
  #items: readonly T[] | null = null;
  #next: string | null = null;
  #problem: Problem | null = null;
  /** The question that is open; an answer to an earlier one is not shown. */
  #open: symbol | null = null;

  /** `ask`: for the page after a cursor, or the first one. */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly toasts: () => ToastStore,
    private readonly ask: (cursor: string | null) => Promise<Page<T>>,
  ) {}

  /** Begins anew with the first page; what is shown stays until that has come. */
  load(): Promise<void> {
    this.#problem = null;
    this.host.requestUpdate();
    return this.#read(null, [], (problem) => {
      this.#problem = problem;
    });
  }

  /** Shows `changed` where `isSame` finds what it was. */
  replace(changed: T, isSame: (one: T) => boolean): void {
    this.#items = this.#items?.map((one) => (isSame(one) ? changed : one)) ?? null;
    this.host.requestUpdate();
  }

  view({ loading, empty, full, more = msg("Show more") }: PagedViews<T>): TemplateResult {
    const items = this.#items;
    if (this.#problem !== null) return problemView(this.#problem, () => void this.load());
    if (items === null) return skeleton(5, loading);
    if (items.length === 0) return empty;
    return html`${full(items)}
    ${this.#next === null
      ? nothing
      : html`<button type="button" class="button" @click=${() => void this.#more(items)}>
          ${more}
        </button>`}`;
  }

  async #more(shown: readonly T[]): Promise<void> {
    if (this.#open !== null) return;
    await this.#read(this.#next, shown, (problem) => {
      this.toasts().problem(problem);
    });
  }

  async #read(
    cursor: string | null,
    shown: readonly T[],
    failed: (problem: Problem) => void,
  ): Promise<void> {
    const mine = Symbol();
    this.#open = mine;
    try {
      const page = await this.ask(cursor);
      if (this.#open !== mine) return;
      this.#items = [...shown, ...page.items];
      this.#next = page.next;
    } catch (failure) {
      if (this.#open !== mine) return;
      failed(problemOf(failure));
    }
    this.#open = null;
    this.host.requestUpdate();
  }
}
