/**
 * Keeps the reader's place: at the end while following an answer, still while reading above.
 *
 * Older messages inserted on top must not move what is being read.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

const NEAR_END_PX = 80;
const NEAR_TOP_PX = 400;

export class ScrollKeeper implements ReactiveController {
  /** Whether new text pulls the view along. */
  following = true;
  #box: HTMLElement | null = null;
  #observer: ResizeObserver | null = null;
  #lastTop = 0;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly onNearTop: () => void,
  ) {
    host.addController(this);
  }

  /** Attaches to the scrolling box and the content whose growth matters. */
  attach(box: HTMLElement | null, content: Element | null): void {
    if (box === this.#box) return;
    this.hostDisconnected();
    this.#box = box;
    if (box === null || content === null) return;
    box.addEventListener("scroll", this.#onScroll, { passive: true });
    this.#observer = new ResizeObserver(() => {
      if (this.following && !this.#isWriting()) this.#toEnd();
    });
    this.#observer.observe(content);
    this.#observer.observe(box);
    this.#toEnd();
  }

  hostDisconnected(): void {
    this.#box?.removeEventListener("scroll", this.#onScroll);
    this.#observer?.disconnect();
    this.#observer = null;
    this.#box = null;
  }

  /** Goes to the newest message and follows it. */
  jumpToEnd(): void {
    this.following = true;
    this.#toEnd();
    this.host.requestUpdate();
  }

  /** Runs a change that inserts above, and keeps what is being read in place. */
  async holding(change: () => Promise<unknown>): Promise<void> {
    const box = this.#box;
    const fromEnd = box === null ? 0 : box.scrollHeight - box.scrollTop;
    await change();
    await this.host.updateComplete;
    if (box !== null && box === this.#box && !this.following) {
      box.scrollTop = box.scrollHeight - fromEnd;
    }
  }

  /** Someone edits a message in here: their field must not be scrolled away. */
  #isWriting(): boolean {
    const at = document.activeElement;
    return at instanceof HTMLTextAreaElement && this.#box?.contains(at) === true;
  }

  #toEnd(): void {
    if (this.#box !== null) this.#box.scrollTop = this.#box.scrollHeight;
  }

  readonly #onScroll = (): void => {
    const box = this.#box;
    if (box === null) return;
    const goesUp = box.scrollTop < this.#lastTop;
    this.#lastTop = box.scrollTop;
    const isNearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
    // Content that grows faster than the view follows is not the reader scrolling away.
    const following = isNearEnd || (this.following && !goesUp);
    if (following !== this.following) {
      this.following = following;
      this.host.requestUpdate();
    }
    if (goesUp && box.scrollTop < NEAR_TOP_PX) this.onNearTop();
  };
}
