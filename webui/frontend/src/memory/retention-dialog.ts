/** How long memories are kept: the person's own wish, and the organisation's; the shorter counts. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { LightElement } from "../ui/light-element";
import { loadingView, problemView } from "../ui/states";
import { MemoryApi } from "./memory-api";
import type { Retention } from "./types";

const LONGEST_DAYS = 36_500;

/** An empty field means: kept until forgotten by hand. */
export function daysOf(typed: string): number | null {
  const days = Number.parseInt(typed, 10);
  return Number.isFinite(days) ? days : null;
}

@customElement("soma-retention-dialog")
export class RetentionDialog extends LightElement {
  @state() private current: Retention | null = null;
  @state() private problem: Problem | null = null;
  @state() private busy = false;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  @query("form") private readonly form!: HTMLFormElement | null;
  #opener: HTMLElement | null = null;

  async open(): Promise<void> {
    this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    this.current = null;
    this.problem = null;
    this.dialog.showModal();
    try {
      this.current = await new MemoryApi(this.services.http).retention();
    } catch (failure) {
      this.problem = problemOf(failure);
    }
    await this.updateComplete;
    this.dialog.querySelector<HTMLElement>("input, .button")?.focus();
  }

  get #mayDecide(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  protected override render(): TemplateResult {
    return html`<dialog class="dialog" aria-labelledby="retention-title" @close=${this.#onClose}>
      <form @submit=${(event: Event) => void this.#save(event)}>
        <h2 class="card__title" id="retention-title">${msg("How long to keep memories")}</h2>
        <p>${msg("What is older is forgotten for good, every night. Empty: kept until you forget it.")}</p>
        ${this.problem === null ? nothing : problemView(this.problem)}
        ${this.current === null
          ? this.problem === null
            ? loadingView(msg("Loading…"))
            : nothing
          : this.#fields(this.current)}
        <div class="row">
          <button type="submit" class="button button--primary" ?disabled=${this.busy || this.current === null}>
            ${msg("Save")}
          </button>
          <button type="button" class="button" @click=${this.#close}>${msg("Cancel")}</button>
        </div>
      </form>
    </dialog>`;
  }

  #fields(current: Retention): TemplateResult {
    const own = this.#field("days", msg("Your memories, in days"), current.days);
    if (this.#mayDecide) {
      return html`${own} ${this.#field("tenant_days", msg("Everyone’s in this organisation, in days"), current.tenant_days)}`;
    }
    return html`${own}
    ${current.tenant_days === null
      ? nothing
      : html`<p class="muted">
          ${msg(str`Your organisation keeps memories ${current.tenant_days} days at most.`)}
        </p>`}`;
  }

  #field(name: string, label: string, days: number | null): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${label}</span>
      <input
        class="input"
        type="number"
        name=${name}
        min="1"
        max=${LONGEST_DAYS}
        step="1"
        inputmode="numeric"
        .value=${days === null ? "" : String(days)}
      />
    </label>`;
  }

  async #save(event: Event): Promise<void> {
    event.preventDefault();
    if (this.form === null || this.busy) return;
    const typed = (name: string): number | null => {
      const field = this.form?.elements.namedItem(name);
      return field instanceof HTMLInputElement ? daysOf(field.value) : null;
    };
    this.busy = true;
    this.problem = null;
    try {
      await new MemoryApi(this.services.http).setRetention({
        days: typed("days"),
        ...(this.#mayDecide ? { tenant_days: typed("tenant_days") } : {}),
      });
      this.dialog.close();
      this.services.toasts.say(msg("Saved how long memories are kept."));
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }

  readonly #close = (): void => {
    this.dialog.close();
  };

  readonly #onClose = (): void => {
    const target = this.#opener?.isConnected === true ? this.#opener : document.querySelector<HTMLElement>("main");
    target?.focus();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-retention-dialog": RetentionDialog;
  }
}
