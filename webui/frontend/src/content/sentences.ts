/**
 * Sentences of a growing answer, for people who hear the page.
 *
 * A live region that is told every token is unusable; this one speaks whole sentences, without
 * Markdown's marks, and says once that code stands there instead of spelling it.
 */

const SENTENCE_END = /[.!?\u2026\u3002\uff01\uff1f]+["')\]]*(?=\s)/g;
const FENCE = /^[ \t]*(?:```|~~~)/;

/** Between the head and the body of a table, or below a title: nothing to say. */
const RULE = /^[\s:|=+-]*$/;
const TABLE_ROW = /^\s*\|(.+)\|\s*$/;

/** The words of a line of Markdown. */
export function plainWords(line: string): string {
  if (RULE.test(line)) return "";
  return line
    .replace(TABLE_ROW, (_, cells: string) => cells.split("|").join(","))
    .replace(/^[ \t]*(?:#{1,6}|>|[-*+]|\d{1,9}[.)])[ \t]+/, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`~|$]+/g, "")
    .replace(/\s+/g, " ")
    .replaceAll(" ,", ",")
    .trim();
}

/** The words of a whole text of Markdown, line by line. */
export function plainText(text: string): string {
  return text
    .split("\n")
    .map(plainWords)
    .filter((words) => words !== "")
    .join("\n");
}

export class SentenceReader {
  #read = 0;
  #inCode = false;

  constructor(private readonly codeNotice: string) {}

  /** The sentences completed since the last call; `done` also gives the unfinished rest. */
  next(text: string, done: boolean): string[] {
    const spoken: string[] = [];
    for (;;) {
      const lineEnd = text.indexOf("\n", this.#read);
      const complete = lineEnd >= 0 || done;
      const line = text.slice(this.#read, lineEnd < 0 ? text.length : lineEnd);
      if (this.#inCode || FENCE.test(line)) {
        if (!complete) break;
        if (FENCE.test(line)) {
          if (!this.#inCode) spoken.push(this.codeNotice);
          this.#inCode = !this.#inCode;
        }
      } else if (complete) {
        this.#say(spoken, line);
      } else {
        let end = 0;
        for (const match of line.matchAll(SENTENCE_END)) end = match.index + match[0].length;
        this.#say(spoken, line.slice(0, end));
        this.#read += end;
        break;
      }
      if (lineEnd < 0) {
        this.#read = text.length;
        break;
      }
      this.#read = lineEnd + 1;
    }
    return spoken;
  }

  #say(spoken: string[], text: string): void {
    const words = plainWords(text);
    if (words !== "") spoken.push(words);
  }
}
