/** Short messages at the edge of the page: what was done, and how to undo it. */
import type { Problem } from "../api/types";
import { Store } from "../store";

export interface Toast {
  id: number;
  text: string;
  problem: Problem | null;
  undo: (() => void) | null;
}

const STAYS_MS = 10_000;

export class ToastStore extends Store<{ toasts: readonly Toast[] }> {
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #nextId = 0;

  constructor() {
    super({ toasts: [] });
  }

  say(text: string, undo: (() => void) | null = null): void {
    this.#add({ text, undo, problem: null });
  }

  /** Stays until it is dismissed: a failure must not vanish while one looks elsewhere. */
  problem(problem: Problem): void {
    if (this.state.toasts.some((toast) => toast.problem?.code === problem.code)) return;
    this.#add({ text: problem.title, undo: null, problem });
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.patch({ toasts: this.state.toasts.filter((toast) => toast.id !== id) });
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

  #add(toast: Omit<Toast, "id">): void {
    this.#nextId += 1;
    const id = this.#nextId;
    this.patch({ toasts: [...this.state.toasts, { ...toast, id }].slice(-3) });
    if (toast.problem === null) this.#expire(id);
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
