/**
 * Text that was typed and not yet accepted, per person and conversation, over reloads.
 *
 * Lies in localStorage under the person's id, so that the next one on the same machine never
 * sees it. A full or forbidden storage must never stop anyone from typing.
 */

export type TextStorage = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

const PREFIX = "soma.draft.";

export class Drafts {
  constructor(
    private readonly storage: TextStorage,
    private readonly userId: () => string,
  ) {}

  read(place: string): string {
    try {
      return this.storage.getItem(this.#key(place)) ?? "";
    } catch {
      return "";
    }
  }

  write(place: string, text: string): void {
    try {
      if (text === "") this.storage.removeItem(this.#key(place));
      else this.storage.setItem(this.#key(place), text);
    } catch {
      // Storage is full or forbidden: the text still stands in the field.
    }
  }

  /** Forgets everything the signed-in person has typed: asked for by signing out. */
  clear(): void {
    const prefix = this.#key("");
    try {
      const keys = Array.from({ length: this.storage.length }, (_, i) => this.storage.key(i));
      for (const key of keys) if (key?.startsWith(prefix)) this.storage.removeItem(key);
    } catch {
      // Nothing could be stored, so there is nothing to forget.
    }
  }

  #key(place: string): string {
    return `${PREFIX}${this.userId()}.${place}`;
  }
}
