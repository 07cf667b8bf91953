/** TeX to MathML and glyphs, loaded when the first formula is met. */
import katex from "katex";
import "katex/dist/katex.min.css";

/** Replaces the TeX text of `place` by the formula; TeX that does not parse stays readable. */
export function typeset(place: HTMLElement): void {
  const tex = place.textContent;
  const formula = document.createElement("span");
  formula.className = place.classList.contains("math-display") ? "formula-display" : "formula";
  try {
    // Rendering into an element sets styles through the CSSOM, which the CSP permits.
    katex.render(tex, formula, {
      displayMode: place.classList.contains("math-display"),
      throwOnError: true,
      trust: false,
      strict: "ignore",
      maxExpand: 500,
      maxSize: 50,
    });
  } catch {
    return;
  }
  place.replaceWith(formula);
}
