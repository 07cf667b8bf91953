/** How much is still being learned, or could not be; looked at again while there is something. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import { LightElement } from "../ui/light-element";
import { MemoryApi } from "./memory-api";
import type { Pending } from "./types";

const BUSY_MS = 3_000;
const QUIET_MS = 60_000;

@customElement("soma-pending-badge")
export class PendingBadge extends LightElement {
  @state() private pending: Pending | null = null;
  @state() private replaying = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  /** Asks now; afterwards soon again while something waits. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    const before = this.#open();
    try {
      this.pending = await new MemoryApi(this.services.http).pending();
    } catch {
      // A badge is no place for a failure: the list itself says when memory is away.
      this.pending = null;
    }
    if (before > 0 && this.pending !== null && this.#open() === 0) {
      this.dispatchEvent(new CustomEvent("settled"));
    }
    if (!this.isConnected) return;
    this.#timer = setTimeout(() => void this.look(), this.#open() > 0 ? BUSY_MS : QUIET_MS);
  }

  #open(): number {
    return (this.pending?.waiting ?? 0) + (this.pending?.undelivered ?? 0);
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.pending === null) return nothing;
    const { failed, dead } = this.pending;
    const open = this.#open();
    const stuck = failed + dead;
    if (open + stuck === 0) return nothing;
    return html`<span class="pending" role="status" data-testid="pending">
      ${open === 0
        ? nothing
        : html`<span
            class="tag"
            title=${msg("Kept safely and found by their words; their meaning follows in a moment.")}
            >${msg(str`${open} being learned`)}</span
          >`}
      ${stuck === 0
        ? nothing
        : html`<span
            class="tag tag--warn"
            title=${msg("Kept safely, but learning them has failed several times.")}
            >${msg(str`${stuck} could not be learned`)}</span
          >`}
      ${dead > 0 && this.#mayReplay
        ? html`<button
            type="button"
            class="button button--small"
            ?disabled=${this.replaying}
            @click=${() => void this.#replay()}
          >
            ${msg("Try again")}
          </button>`
        : nothing}
    </span>`;
  }

  get #mayReplay(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  async #replay(): Promise<void> {
    this.replaying = true;
    const { toasts, http } = this.services;
    try {
      const { replayed } = await new MemoryApi(http).replay();
      toasts.say(msg(str`${replayed} are tried again.`));
    } catch (failure) {
      toasts.problem(problemOf(failure));
    } finally {
      this.replaying = false;
    }
    await this.look();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-pending-badge": PendingBadge;
  }
}
