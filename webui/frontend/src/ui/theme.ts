/**
 * Light, dark, high contrast, or what the system prefers; light and dark in the brand's colour.
 *
 * Writes `data-theme` on the root element; `public/theme.js` does the same before first paint.
 * The brand's accent stands on the root element too, above what the style sheet says.
 */
import type { TextStorage } from "../chat/drafts";
import { Store } from "../store";
import { ACCENTS, accentTokens } from "./brand-colour";

export type ThemeChoice = "system" | "light" | "dark" | "contrast";
export const THEME_CHOICES: readonly ThemeChoice[] = ["system", "light", "dark", "contrast"];

const KEY = "soma.theme";

export class ThemeStore extends Store<{ choice: ThemeChoice }> {
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #contrast = matchMedia("(prefers-contrast: more)");
  #brand = "";

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

  /** Takes the colour of an organisation on (`#rrggbb`); empty: the interface's own. */
  wear(brand: string): void {
    if (brand === this.#brand) return;
    this.#brand = brand;
    this.#apply();
  }

  /** The accent of now, as `#rrggbb`. */
  get accent(): string {
    return token("--accent");
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
    const { dataset, style } = document.documentElement;
    dataset["theme"] = choice === "system" ? preferred : choice;
    for (const name of ACCENTS) style.removeProperty(name);
    if (this.#brand === "" || dataset["theme"] === "contrast") return;
    const grounds = { surface: token("--surface"), hardest: token("--surface-hover") };
    for (const [name, colour] of Object.entries(accentTokens(this.#brand, grounds))) {
      style.setProperty(name, colour);
    }
  }
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
