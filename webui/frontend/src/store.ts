/**
 * Plain observable state: an immutable snapshot and a change event.
 *
 * Stores know nothing of Lit; `StoreController` is the one place where the two meet.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

export class Store<S extends object> extends EventTarget {
  #state: S;

  constructor(initial: S) {
    super();
    this.#state = initial;
  }

  get state(): Readonly<S> {
    return this.#state;
  }

  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.addEventListener("change", listener);
    return () => {
      this.removeEventListener("change", listener);
    };
  }

  protected patch(change: Partial<S>): void {
    this.#state = { ...this.#state, ...change };
    this.dispatchEvent(new Event("change"));
  }
}

/** Renders the host again whenever the store has changed. */
export class StoreController implements ReactiveController {
  #store: Store<object> | null;
  #stop: (() => void) | null = null;

  constructor(
    private readonly host: ReactiveControllerHost,
    store: Store<object> | null = null,
  ) {
    this.#store = store;
    host.addController(this);
  }

  /** Follows another store from now on. */
  follow(store: Store<object> | null): void {
    if (store === this.#store) return;
    this.hostDisconnected();
    this.#store = store;
    this.hostConnected();
    this.host.requestUpdate();
  }

  hostConnected(): void {
    if (this.#stop !== null || this.#store === null) return;
    this.#stop = this.#store.subscribe(() => {
      this.host.requestUpdate();
    });
  }

  hostDisconnected(): void {
    this.#stop?.();
    this.#stop = null;
  }
}
