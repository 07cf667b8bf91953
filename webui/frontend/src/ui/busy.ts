/** One act at a time on a page or card: its button waits, and what fails is said. */
import type { LitElement, ReactiveController, ReactiveControllerHost } from "lit";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import type { ToastStore } from "./toasts";

export class Busy implements ReactiveController {
  #isBusy = false;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly toasts: () => ToastStore,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#isBusy = false;
  }

  get now(): boolean {
    return this.#isBusy;
  }

  /** Does `work`; `failed` is told what went wrong: a form shows it, else it is said in a toast. */
  async run(
    work: () => Promise<void>,
    failed = (problem: Problem) => {
      this.toasts().problem(problem);
    },
  ): Promise<void> {
    if (this.#isBusy) return;
    this.#set(true);
    try {
      await work();
    } catch (failure) {
      failed(problemOf(failure));
    } finally {
      this.#set(false);
    }
  }

  #set(value: boolean): void {
    this.#isBusy = value;
    this.host.requestUpdate();
  }
}

/** Brings the problem of a form before the eyes of whoever sent it, once it is drawn. */
export async function showProblem(form: LitElement): Promise<void> {
  await form.updateComplete;
  form.querySelector(".problem")?.scrollIntoView({ block: "center" });
}
