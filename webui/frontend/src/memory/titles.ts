/** Titles of conversations that memories come from, asked for once each, a few at a time. */
import type { Api } from "../api/api";
import { problemOf } from "../api/http";
import { Store } from "../store";

/** Null: the conversation is gone. */
export type Titles = ReadonlyMap<string, string | null>;

export class TitleStore extends Store<{ titles: Titles }> {
  readonly #asked = new Set<string>();
  #queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly api: Pick<Api, "conversation">,
    private readonly untitled: string,
  ) {
    super({ titles: new Map() });
  }

  need(id: string): void {
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#queue = this.#queue.then(() => this.#ask(id));
  }

  async #ask(id: string): Promise<void> {
    try {
      this.#know(id, (await this.api.conversation(id)).title ?? this.untitled);
    } catch (failure) {
      // Any other failure leaves it without a title; asking again at each render would not help.
      if (problemOf(failure).status === 404) this.#know(id, null);
    }
  }

  #know(id: string, title: string | null): void {
    this.patch({ titles: new Map([...this.state.titles, [id, title]]) });
  }
}
