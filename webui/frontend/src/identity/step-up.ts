/** Asks, once for any number of requests, that the person confirm who it is. */
import { Store } from "../store";

export class StepUpStore extends Store<{ open: boolean }> {
  #asked: { answer: Promise<boolean>; settle: (done: boolean) => void } | null = null;

  constructor() {
    super({ open: false });
  }

  /** True when it was confirmed: what was refused may be sent again. */
  ask(): Promise<boolean> {
    if (this.#asked === null) {
      let settle: (done: boolean) => void = () => undefined;
      const answer = new Promise<boolean>((resolve) => {
        settle = resolve;
      });
      this.#asked = { answer, settle };
      this.patch({ open: true });
    }
    return this.#asked.answer;
  }

  finish(done: boolean): void {
    this.#asked?.settle(done);
    this.#asked = null;
    this.patch({ open: false });
  }
}
