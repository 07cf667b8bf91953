/**
 * Light, dark, high contrast, or what the system prefers.
 *
 * Writes `data-theme` on the root element; `public/theme.js` does the same before first paint.
 */
import type { TextStorage } from "../chat/drafts";
import { Store } from "../store";

export type ThemeChoice = "system" | "light" | "dark" | "contrast";
export const THEME_CHOICES: readonly ThemeChoice[] = ["system", "light", "dark", "contrast"];

const KEY = "soma.theme";

export class ThemeStore extends Store<{ choice: ThemeChoice }> {
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #contrast = matchMedia("(prefers-contrast: more)");

  constructor(private readonly storage: Pick<TextStorage, "getItem" | "setItem">) {
    super({ choice: "system" });
    this.patch({ choice: this.#read() });
    const apply = (): void => {
      this.#apply();
    };
    this.#dark.addEventListener("change", apply);
    this.#contrast.addEventListener("change", apply);
    this.#apply();
  }

  choose(choice: ThemeChoice): void {
    try {
      this.storage.setItem(KEY, choice);
    } catch {
      // The choice lasts as long as the page.
    }
    this.patch({ choice });
    this.#apply();
  }

  #read(): ThemeChoice {
    try {
      const stored = this.storage.getItem(KEY);
      return THEME_CHOICES.find((choice) => choice === stored) ?? "system";
    } catch {
      return "system";
    }
  }

  #apply(): void {
    const { choice } = this.state;
    const preferred = this.#contrast.matches ? "contrast" : this.#dark.matches ? "dark" : "light";
    document.documentElement.dataset["theme"] = choice === "system" ? preferred : choice;
  }
}
