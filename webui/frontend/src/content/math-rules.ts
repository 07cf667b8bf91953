/**
 * TeX in Markdown: `$a$` and `\(a\)` in a line, `$$a$$` and `\[a\]` as a block.
 *
 * Only marks the places; KaTeX is loaded when the first one reaches the page. Dollar signs of
 * prices stay text: an opening `$` touches its formula, a closing one is not before a digit.
 */
import type { MarkdownIt, StateBlock, StateInline } from "markdown-it";

function inlineMath(state: StateInline, silent: boolean): boolean {
  const { src, pos } = state;
  if (src.startsWith("\\(", pos)) {
    const end = src.indexOf("\\)", pos + 2);
    return end < 0 ? false : emit(state, silent, pos + 2, end, end + 2);
  }
  if (src.charAt(pos) !== "$") return false;
  const double = src.startsWith("$$", pos);
  const mark = double ? "$$" : "$";
  const start = pos + mark.length;
  if (/^\s?$/.test(src.charAt(start))) return false;
  let end = src.indexOf(mark, start);
  while (end > 0 && src.charAt(end - 1) === "\\") end = src.indexOf(mark, end + 1);
  if (end <= start || end >= state.posMax || /\s/.test(src.charAt(end - 1))) return false;
  if (!double && /\d/.test(src.charAt(end + 1))) return false;
  return emit(state, silent, start, end, end + mark.length);
}

function emit(
  state: StateInline,
  silent: boolean,
  start: number,
  end: number,
  next: number,
): boolean {
  if (!silent) {
    const token = state.push("math_inline", "", 0);
    token.content = state.src.slice(start, end).trim();
  }
  state.pos = next;
  return true;
}

const BLOCKS: readonly (readonly [open: string, close: string])[] = [
  ["$$", "$$"],
  ["\\[", "\\]"],
];

function blockMath(
  state: StateBlock,
  startLine: number,
  endLine: number,
  silent: boolean,
): boolean {
  const line = (index: number): string =>
    state.src.slice((state.bMarks[index] ?? 0) + (state.tShift[index] ?? 0), state.eMarks[index]);
  const first = line(startLine).trim();
  const found = BLOCKS.find(([open]) => first.startsWith(open));
  if (found === undefined) return false;
  const [open, close] = found;
  const body = [first.slice(open.length)];
  let last = startLine;
  while (!(body.at(-1) ?? "").trimEnd().endsWith(close)) {
    last += 1;
    // A blank line ends display math in TeX, so an unclosed mark never swallows the rest.
    if (last >= endLine || state.isEmpty(last)) return false;
    body.push(line(last));
  }
  if (silent) return true;
  const token = state.push("math_block", "", 0);
  token.block = true;
  token.content = body.join("\n").trimEnd().slice(0, -close.length).trim();
  token.map = [startLine, last + 1];
  state.line = last + 1;
  return true;
}

/** Teaches a parser the marks of TeX. */
export function mathRules(md: MarkdownIt): void {
  // Before `escape`, which would read `\(` as a bracket.
  md.inline.ruler.before("escape", "math_inline", inlineMath);
  md.block.ruler.before("fence", "math_block", blockMath, {
    alt: ["paragraph", "reference", "blockquote", "list"],
  });
  md.renderer.rules["math_inline"] = (tokens, index) =>
    `<code class="math">${md.utils.escapeHtml(tokens[index]?.content ?? "")}</code>`;
  md.renderer.rules["math_block"] = (tokens, index) =>
    `<p><code class="math math-display">${md.utils.escapeHtml(tokens[index]?.content ?? "")}</code></p>\n`;
}
