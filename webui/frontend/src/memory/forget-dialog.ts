/**
 * Forgetting several memories at once: says what goes, asks, and shows the proof.
 *
 * Nothing here can be undone, so everything is typed to confirm and a selection is named.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";
import { MemoryApi } from "./memory-api";
import { proofLines, proofSentence } from "./proof";
import type { Proof, Selection } from "./types";

export interface ForgetRequest {
  selection: Selection;
  /** What goes, as the object of the question. */
  what: string;
  /** A word that must be typed before the button works. */
  typed: string | null;
}

@customElement("soma-forget-dialog")
export class ForgetDialog extends LightElement {
  @state() private request: ForgetRequest | null = null;
  @state() private word = "";
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @state() private proof: Proof | null = null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  #opener: HTMLElement | null = null;

  async ask(request: ForgetRequest): Promise<void> {
    this.request = request;
    this.word = "";
    this.problem = null;
    this.proof = null;
    this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    await this.updateComplete;
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    return html`<dialog
      class="dialog dialog--wide"
      aria-labelledby="forget-title"
      data-testid="forget-dialog"
      @cancel=${this.#onCancel}
      @close=${this.#onClose}
    >
      ${this.request === null ? nothing : this.proof === null ? this.#question(this.request) : this.#shown(this.proof)}
    </dialog>`;
  }

  #question({ what, typed }: ForgetRequest): TemplateResult {
    return html`<form @submit=${(event: Event) => void this.#forget(event)}>
      <h2 class="card__title" id="forget-title">${msg(str`Forget ${what}?`)}</h2>
      <p>
        ${msg("The words, their meaning, links, and facts drawn from them alone are deleted. This cannot be undone.")}
      </p>
      ${typed === null
        ? nothing
        : html`<label class="field">
            <span class="field__label">${msg(str`Type “${typed}” to confirm`)}</span>
            <input
              class="input"
              autocomplete="off"
              .value=${this.word}
              @input=${(event: InputEvent) => {
                this.word = (event.target as HTMLInputElement).value;
              }}
            />
          </label>`}
      ${this.problem === null ? nothing : problemView(this.problem)}
      <div class="row">
        <button
          type="submit"
          class="button button--danger"
          ?disabled=${this.busy || (typed !== null && this.word.trim() !== typed)}
        >
          ${this.busy ? msg("Forgetting…") : msg("Forget for good")}
        </button>
        <button type="button" class="button" ?disabled=${this.busy} @click=${this.#close}>
          ${msg("Keep")}
        </button>
      </div>
    </form>`;
  }

  #shown(proof: Proof): TemplateResult {
    return html`<div class="proof" data-testid="proof">
      <h2 class="card__title" id="forget-title">${msg("Forgotten")}</h2>
      <p role="status">${proofSentence(proof)}</p>
      <table class="table">
        <caption class="visually-hidden">
          ${msg("What was removed, by store")}
        </caption>
        <thead>
          <tr>
            <th scope="col">${msg("Store")}</th>
            <th scope="col" class="table__number">${msg("Removed")}</th>
          </tr>
        </thead>
        <tbody>
          ${proofLines(proof).map(
            ({ store, count }) => html`<tr>
              <th scope="row">${store}</th>
              <td class="table__number">${count}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      <p class="muted">
        ${msg("Conversations still show what was said in them. Delete a conversation to remove that too.")}
      </p>
      <button type="button" class="button button--primary" @click=${this.#close}>${msg("Done")}</button>
    </div>`;
  }

  async #forget(event: Event): Promise<void> {
    event.preventDefault();
    if (this.request === null || this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      this.proof = await new MemoryApi(this.services.http).forgetMany(this.request.selection);
      this.dispatchEvent(new CustomEvent("forgotten", { detail: this.proof }));
      await this.updateComplete;
      this.dialog.querySelector<HTMLElement>(".button--primary")?.focus();
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }

  readonly #onCancel = (event: Event): void => {
    if (this.busy) event.preventDefault();
  };

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
    "soma-forget-dialog": ForgetDialog;
  }
}
