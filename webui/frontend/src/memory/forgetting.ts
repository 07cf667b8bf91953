/**
 * Single memories on their way out: hidden at once, deleted when the time to undo is over.
 *
 * The server deletes for good, so the request waits until the toast has gone, or the page, the
 * tenant or the session goes. Outlives the pages that show memories.
 */
import { msg, str } from "@lit/localize";
import { problemOf } from "../api/http";
import type { Services } from "../services";
import { Store } from "../store";
import { MemoryApi } from "./memory-api";
import { proofSentence } from "./proof";
import type { Proof } from "./types";

export interface ForgettingState {
  /** Not to be shown: waiting for the end of the undo time, or being deleted, or gone. */
  hidden: ReadonlySet<string>;
}

const SHOWN_CHARS = 60;

export function shortened(text: string, longest = SHOWN_CHARS): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  if (line.length <= longest) return line;
  const head = line.slice(0, longest - 1);
  const word = head.lastIndexOf(" ");
  return `${(word > longest / 2 ? head.slice(0, word) : head).trimEnd()}…`;
}

export class ForgettingStore extends Store<ForgettingState> {
  /** What is hidden but not yet asked of the server, with the toast that can undo it. */
  readonly #held = new Map<string, number>();
  readonly #sent = new Set<Promise<void>>();

  constructor(
    private readonly api: Pick<MemoryApi, "forget">,
    private readonly toasts: Services["toasts"],
  ) {
    super({ hidden: new Set() });
  }

  forget(id: string, text: string): void {
    if (this.state.hidden.has(id)) return;
    this.#hide(id, true);
    const toast = this.toasts.say(
      msg(str`“${shortened(text)}” is being forgotten.`),
      () => {
        this.#held.delete(id);
        this.#hide(id, false);
      },
      () => {
        this.#send(id, false);
      },
    );
    this.#held.set(id, toast);
  }

  /** Asks for everything that still waits, and waits for the answers. */
  async finish(): Promise<void> {
    this.#flush(false);
    await Promise.allSettled([...this.#sent]);
  }

  /** The page goes: the requests must outlive it. */
  leave(): void {
    this.#flush(true);
  }

  #flush(keepalive: boolean): void {
    const waiting = [...this.#held];
    for (const [id, toast] of waiting) {
      this.#send(id, keepalive);
      this.toasts.dismiss(toast);
    }
  }

  #send(id: string, keepalive: boolean): void {
    if (!this.#held.delete(id)) return;
    const asked = this.#ask(id, keepalive).finally(() => {
      this.#sent.delete(asked);
    });
    this.#sent.add(asked);
  }

  async #ask(id: string, keepalive: boolean): Promise<void> {
    try {
      const proof = await this.api.forget(id, { keepalive });
      this.toasts.say(proofSentence(proof));
      this.dispatchEvent(new CustomEvent<Proof>("forgotten", { detail: proof }));
    } catch (failure) {
      const problem = problemOf(failure);
      if (problem.status === 404) return;
      this.#hide(id, false);
      this.toasts.problem(problem);
    }
  }

  #hide(id: string, hide: boolean): void {
    const hidden = new Set(this.state.hidden);
    if (hide) hidden.add(id);
    else hidden.delete(id);
    this.patch({ hidden });
  }
}

const stores = new WeakMap<Services, ForgettingStore>();

/** The one store of this page load. */
export function forgettingOf(services: Services): ForgettingStore {
  let store = stores.get(services);
  if (store === undefined) {
    const made = new ForgettingStore(new MemoryApi(services.http), services.toasts);
    services.unfinished.add(() => made.finish());
    addEventListener("pagehide", () => {
      made.leave();
    });
    stores.set(services, made);
    store = made;
  }
  return store;
}
