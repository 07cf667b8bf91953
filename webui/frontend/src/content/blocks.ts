/**
 * Cuts growing Markdown into blocks that no later text can change, and one open block.
 *
 * A cut is made only where rendering the two sides apart equals rendering them together:
 * when in doubt the text stays in the open block, which costs time and never correctness.
 * Pure: knows nothing of the DOM or of Markdown's HTML.
 */

interface Fence {
  mark: string;
  length: number;
  indent: number;
}

const LIST_MARKER = /^(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/;
/** What a line may still become while it is being written. */
const MAYBE_LIST_MARKER = /^(?:[-*+]|\d{1,9}[.)]?)$/;
const MARKERS = /^[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*/;
const FENCE_OPENING = /^(?:(`{3,})[^`]*|(~{3,}).*)$/;
const HEADING = /^#{1,6}(?:[ \t]|$)/;

function isBlank(line: string): boolean {
  return line.trim() === "";
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function openingFence(line: string): Fence | null {
  const prefix = MARKERS.exec(line)?.[0] ?? "";
  const found = FENCE_OPENING.exec(line.slice(prefix.length));
  const marks = found?.[1] ?? found?.[2];
  if (marks === undefined) return null;
  return { mark: marks.charAt(0), length: marks.length, indent: prefix.length };
}

function closesFence(line: string, fence: Fence): boolean {
  const text = line.trim();
  if (text.length < fence.length) return false;
  return text === fence.mark.repeat(text.length);
}

function opensMath(line: string): boolean {
  const text = line.trim();
  if (text.startsWith("$$")) return text.length === 2 || !text.slice(2).includes("$$");
  return text.startsWith("\\[") && !text.includes("\\]");
}

function closesMath(line: string): boolean {
  return line.includes("$$") || line.includes("\\]");
}

export class BlockSplitter {
  readonly frozen: string[] = [];
  #open = "";
  /** Where in the open text the line begins that has not been read to its end. */
  #lineStart = 0;
  #fence: Fence | null = null;
  #math = false;
  #inList = false;
  #sawBlank = false;

  /** The text of the block that later text may still change. */
  get open(): string {
    return this.#open;
  }

  /** The body of the open block, when it is a fence at the left margin; else null. */
  get openFence(): { info: string; body: string } | null {
    if (this.#fence?.indent !== 0) return null;
    const end = this.#open.indexOf("\n");
    if (end < 0 || openingFence(this.#open.slice(0, end))?.indent !== 0) return null;
    const info = this.#open.slice(this.#fence.length, end).replace(/^[`~]+/, "");
    return { info: info.trim(), body: this.#open.slice(end + 1) };
  }

  push(chunk: string): void {
    this.#open += chunk;
    for (;;) {
      const end = this.#open.indexOf("\n", this.#lineStart);
      if (end < 0) break;
      this.#readLine(this.#open.slice(this.#lineStart, end).replace(/\r$/, ""), end + 1);
    }
    this.#peekAtUnfinishedLine();
  }

  /** No more text will come: the open block is frozen too. */
  finish(): void {
    if (!isBlank(this.#open)) this.frozen.push(this.#open);
    this.#startBlock("");
  }

  #readLine(line: string, next: number): void {
    if (this.#fence !== null && this.#stillInFence(line, next)) return;
    if (this.#math) {
      // A blank line ends display math in TeX as well: it was never math.
      if (closesMath(line) || isBlank(line)) this.#math = false;
      this.#sawBlank = isBlank(line);
      this.#lineStart = next;
      return;
    }
    if (isBlank(line)) {
      this.#sawBlank = true;
      this.#lineStart = next;
      return;
    }
    if (this.#lineStart > 0 && this.#beginsBlock(line)) {
      this.#cut(this.#lineStart);
      next = this.#open.indexOf("\n") + 1;
    }
    if (this.#lineStart === 0 || this.#sawBlank) {
      this.#inList = this.#inList || LIST_MARKER.test(line.trimStart());
    }
    this.#inList = this.#inList || LIST_MARKER.test(line);
    this.#sawBlank = false;
    this.#fence = openingFence(line);
    this.#math = this.#fence === null && opensMath(line);
    this.#lineStart = next;
    if (HEADING.test(line)) this.#cut(next);
  }

  /** Follows an open fence; false when the line lies outside it after all. */
  #stillInFence(line: string, next: number): boolean {
    const fence = this.#fence;
    if (fence === null) return false;
    // Text at the margin ends the list, and with it the fence inside the list.
    if (this.#inList && fence.indent > 0 && !isBlank(line) && indentOf(line) === 0) {
      this.#fence = null;
      return false;
    }
    this.#lineStart = next;
    this.#sawBlank = false;
    if (closesFence(line, fence)) {
      this.#fence = null;
      if (fence.indent === 0) this.#cut(next);
    }
    return true;
  }

  #beginsBlock(line: string): boolean {
    if (indentOf(line) > 0) return false;
    if (HEADING.test(line) || openingFence(line)?.indent === 0) return true;
    if (!this.#sawBlank) return false;
    return !(this.#inList && LIST_MARKER.test(line));
  }

  /** Freezes early when the first letters of a line already tell that a new block begins. */
  #peekAtUnfinishedLine(): void {
    if (this.#fence !== null || this.#math || !this.#sawBlank || this.#lineStart === 0) return;
    const line = this.#open.slice(this.#lineStart);
    if (line === "" || indentOf(line) > 0) return;
    if (this.#inList && (MAYBE_LIST_MARKER.test(line) || LIST_MARKER.test(line))) return;
    this.#cut(this.#lineStart);
  }

  #cut(at: number): void {
    const block = this.#open.slice(0, at);
    if (!isBlank(block)) this.frozen.push(block);
    this.#startBlock(this.#open.slice(at));
  }

  #startBlock(text: string): void {
    this.#open = text;
    this.#lineStart = 0;
    this.#fence = null;
    this.#math = false;
    this.#inList = false;
    this.#sawBlank = false;
  }
}
