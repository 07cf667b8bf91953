import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { accentTokens, contrast, LEAST_CONTRAST } from "../src/ui/brand-colour";
import type { AccentTokens } from "../src/ui/brand-colour";

const CSS = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const LEVELS = ["00", "33", "66", "99", "cc", "ff"];
const COLOURS = LEVELS.flatMap((r) => LEVELS.flatMap((g) => LEVELS.map((b) => `#${r}${g}${b}`)));
const GROUNDS = ["--bg", "--bg-side", "--surface", "--surface-2", "--surface-hover"];

/** The value of a token in a theme. */
function token(theme: string, name: string): string {
  const block = CSS.split(`[data-theme="${theme}"] {`)[1]?.split("}")[0] ?? "";
  return new RegExp(`${name}: (#[0-9a-f]+);`).exec(block)?.[1] ?? "missing";
}

function worn(colour: string, theme: string): AccentTokens {
  return accentTokens(colour, {
    surface: token(theme, "--surface"),
    hardest: token(theme, "--surface-hover"),
  });
}

describe("contrast", () => {
  it("is what WCAG says", () => {
    expect(contrast("#000", "#ffffff")).toBe(21);
    expect(contrast("#777777", "#fff")).toBeCloseTo(4.48, 2);
    expect(contrast("#0f6b5c", "#0f6b5c")).toBe(1);
  });
});

describe.each(["light", "dark"])("accents in the %s theme", (theme) => {
  it("can be read, and read on, whatever the brand is", () => {
    for (const colour of COLOURS) {
      const made = worn(colour, theme);
      const least = Math.min(
        ...[...GROUNDS.map((ground) => token(theme, ground)), made["--accent-soft"]].flatMap(
          (ground) => [contrast(made["--accent"], ground), contrast(made["--accent-hover"], ground)],
        ),
        contrast(made["--on-accent"], made["--accent"]),
        contrast(made["--on-accent"], made["--accent-hover"]),
        contrast(token(theme, "--text"), made["--accent-soft"]),
        contrast(token(theme, "--text-2"), made["--accent-soft"]),
        contrast(token(theme, "--danger"), made["--accent-soft"]),
      );
      expect(least, colour).toBeGreaterThanOrEqual(LEAST_CONTRAST);
    }
  });
});

describe("a brand colour", () => {
  it("stays as it is where it can be read", () => {
    expect(worn("#7a1f5c", "light")["--accent"]).toBe("#7a1f5c");
    expect(worn("#ffd500", "dark")["--accent"]).toBe("#ffd500");
  });

  it("is darkened on light ground and lightened on dark", () => {
    expect(contrast(worn("#ffd500", "light")["--accent"], "#ffd500")).toBeGreaterThan(2);
    expect(worn("#000000", "dark")["--accent"]).not.toBe("#000000");
  });
});
