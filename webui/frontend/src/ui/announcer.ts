/**
 * What the page says aloud to people who do not see it.
 *
 * Sentences queue up and are handed to one polite live region in small portions, so that a
 * screen reader is never told faster than it can speak.
 */
import { Store } from "../store";

interface AnnouncerState {
  lines: readonly { id: number; text: string }[];
}

const KEPT_LINES = 12;

export class Announcer extends Store<AnnouncerState> {
  #nextId = 0;

  constructor() {
    super({ lines: [] });
  }

  say(text: string): void {
    this.#nextId += 1;
    const lines = [...this.state.lines, { id: this.#nextId, text }];
    this.patch({ lines: lines.slice(-KEPT_LINES) });
  }
}
