/**
 * Shows Markdown that may still be growing.
 *
 * Finished blocks are parsed once and never touched again; the open block is rendered at most
 * once per animation frame, and more seldom when it is expensive. Works in light DOM so that
 * find-in-page, selection and print see plain elements.
 */
import { ReactiveElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import { BlockSplitter } from "./blocks";
import { enhance, sealCode } from "./enhance";
import { orderHeadings } from "./headings";
import { collectReferences, markdownToHtml } from "./markdown";
import type { MarkdownEnv } from "./markdown";
import { sanitise } from "./sanitise";

/** Time that one frame may spend on blocks of a finished text before the page may paint. */
const FRAME_BUDGET_MS = 24;
/** The open block waits this many times its own cost, so typing and scrolling stay smooth. */
const REST_FACTOR = 3;
const HIDDEN_PAGE_MS = 300;

@customElement("soma-markdown")
export class SomaMarkdown extends ReactiveElement {
  @property({ attribute: false }) text = "";
  @property({ type: Boolean }) streaming = false;

  #splitter = new BlockSplitter();
  #env: MarkdownEnv = {};
  #consumed = "";
  #shown = 0;
  #openElement: HTMLElement | null = null;
  #openCode: { pre: HTMLElement; text: Text } | null = null;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastCost = 0;
  #lastEnd = 0;

  protected override createRenderRoot(): this {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unschedule();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#schedule();
  }

  protected override updated(): void {
    if (!this.text.startsWith(this.#consumed)) this.#reset();
    const fresh = this.text.slice(this.#consumed.length);
    this.#consumed = this.text;
    if (!this.streaming && this.#shown === 0) collectReferences(this.text, this.#env);
    this.#splitter.push(fresh);
    if (!this.streaming) this.#splitter.finish();
    // The first paint of a finished text needs no frame of delay.
    if (!this.streaming && this.#shown === 0) this.#render();
    else this.#schedule();
  }

  #reset(): void {
    this.#splitter = new BlockSplitter();
    this.#env = {};
    this.#consumed = "";
    this.#shown = 0;
    this.#dropOpen();
    this.replaceChildren();
  }

  #schedule(): void {
    if (this.#frame !== 0) return;
    const next = (): void => {
      this.#unschedule();
      const rested = performance.now() - this.#lastEnd;
      if (this.streaming && rested < this.#lastCost * REST_FACTOR) this.#schedule();
      else this.#render();
    };
    this.#frame = requestAnimationFrame(next);
    // A page in the background gets no frames, yet its text must be there for whoever looks.
    this.#timer = setTimeout(next, HIDDEN_PAGE_MS);
  }

  #unschedule(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
  }

  #render(): void {
    const start = performance.now();
    const { frozen } = this.#splitter;
    while (this.#shown < frozen.length) {
      this.#freeze(frozen[this.#shown] ?? "");
      this.#shown += 1;
      if (performance.now() - start > FRAME_BUDGET_MS) break;
    }
    if (this.#shown < frozen.length) this.#schedule();
    else this.#renderOpen();
    this.#lastEnd = performance.now();
    this.#lastCost = this.#lastEnd - start;
  }

  #freeze(text: string): void {
    const block = this.#openElement ?? this.#newBlock();
    this.#dropOpen();
    block.classList.remove("md-open");
    block.replaceChildren(this.#fragment(text, block));
    sealCode(block);
    enhance(block);
  }

  #renderOpen(): void {
    const { open, openFence } = this.#splitter;
    if (open.trim() === "") {
      this.#openElement?.remove();
      this.#dropOpen();
      return;
    }
    if (openFence !== null) {
      this.#showOpenCode(openFence.body);
      return;
    }
    const block = this.#openElement ?? this.#newBlock();
    this.#openElement = block;
    this.#openCode = null;
    block.replaceChildren(this.#fragment(open, block));
  }

  #fragment(text: string, block: HTMLElement): DocumentFragment {
    const fragment = sanitise(markdownToHtml(text, this.#env));
    orderHeadings(fragment, this, block);
    return fragment;
  }

  /** Growing code is appended to, never parsed: its cost does not grow with its length. */
  #showOpenCode(body: string): void {
    if (this.#openCode === null) {
      const block = this.#openElement ?? this.#newBlock();
      this.#openElement = block;
      const pre = document.createElement("pre");
      const code = document.createElement("code");
      const text = document.createTextNode("");
      code.append(text);
      pre.append(code);
      block.replaceChildren(pre);
      this.#openCode = { pre, text };
    }
    const { text } = this.#openCode;
    if (body.startsWith(text.data)) text.appendData(body.slice(text.length));
    else text.data = body;
  }

  #newBlock(): HTMLElement {
    const block = document.createElement("div");
    block.className = "md-block md-open";
    this.append(block);
    return block;
  }

  #dropOpen(): void {
    this.#openElement = null;
    this.#openCode = null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-markdown": SomaMarkdown;
  }
}
