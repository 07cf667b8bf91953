/** What a card or section shows once it was asked for: waiting, a problem with a button to ask again, or it. */
import { nothing } from "lit";
import type { ReactiveController, ReactiveControllerHost, TemplateResult } from "lit";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { problemView } from "./states";

type Shown = TemplateResult | typeof nothing;

export class Loaded<T> implements ReactiveController {
  #value: T | null = null;
  #problem: Problem | null = null;

  /** Asks whenever the host is connected. */
  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly ask: () => Promise<T>,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    void this.load();
  }

  get value(): T | null {
    return this.#value;
  }

  /** Asks again; what is shown stays until the answer has come. */
  async load(): Promise<void> {
    this.#set(this.#value, null);
    try {
      this.show(await this.ask());
    } catch (failure) {
      this.#set(this.#value, problemOf(failure));
    }
  }

  /** Shows what an act has answered. */
  show(value: T): void {
    this.#set(value, null);
  }

  view(full: (value: T) => Shown, waiting: () => Shown = () => nothing): Shown {
    if (this.#problem !== null) return problemView(this.#problem, () => void this.load());
    return this.#value === null ? waiting() : full(this.#value);
  }

  #set(value: T | null, problem: Problem | null): void {
    this.#value = value;
    this.#problem = problem;
    this.host.requestUpdate();
  }
}
