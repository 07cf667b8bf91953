/** Short messages at the edge of the page: what was done, and how to undo it. */
import type { Problem } from "../api/types";
import { Store } from "../store";

export interface Toast {
  id: number;
  text: string;
  problem: Problem | null;
  undo: (() => void) | null;
  /** Called once when the toast goes and it was not undone: the time to undo is over. */
  closed: (() => void) | null;
}

const STAYS_MS = 10_000;
const MOST_SHOWN = 3;

export class ToastStore extends Store<{ toasts: readonly Toast[] }> {
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #nextId = 0;

  constructor() {
    super({ toasts: [] });
  }

  /** Returns the id by which the toast can be dismissed. */
  say(
    text: string,
    undo: (() => void) | null = null,
    closed: (() => void) | null = null,
  ): number {
    return this.#add({ text, undo, closed, problem: null });
  }

  /** Stays until it is dismissed: a failure must not vanish while one looks elsewhere. */
  problem(problem: Problem): void {
    if (this.state.toasts.some((toast) => toast.problem?.code === problem.code)) return;
    this.#add({ text: problem.title, undo: null, closed: null, problem });
  }

  dismiss(id: number): void {
    this.#remove(id)?.closed?.();
  }

  undo(id: number): void {
    this.#remove(id)?.undo?.();
  }

  /** Holds the clock while someone reads or points at the toast. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
  }

  release(id: number): void {
    const toast = this.state.toasts.find((candidate) => candidate.id === id);
    if (toast?.problem === null) this.#expire(id);
  }

  clear(): void {
    for (const toast of this.state.toasts) this.dismiss(toast.id);
  }

  #add(toast: Omit<Toast, "id">): number {
    this.#nextId += 1;
    const id = this.#nextId;
    this.patch({ toasts: [...this.state.toasts, { ...toast, id }] });
    if (toast.problem === null) this.#expire(id);
    const crowded = this.state.toasts.slice(0, -MOST_SHOWN);
    for (const one of crowded) this.dismiss(one.id);
    return id;
  }

  #remove(id: number): Toast | undefined {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const gone = this.state.toasts.find((toast) => toast.id === id);
    if (gone !== undefined) {
      this.patch({ toasts: this.state.toasts.filter((toast) => toast.id !== id) });
    }
    return gone;
  }

  #expire(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.set(
      id,
      setTimeout(() => {
        this.dismiss(id);
      }, STAYS_MS),
    );
  }
}
