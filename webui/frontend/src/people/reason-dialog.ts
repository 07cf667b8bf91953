/** A dialog that asks why before somebody or something is closed. The reason is kept. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import { dialogActs } from "../ui/dialog-acts";
import { LightElement } from "../ui/light-element";

const LEAST = 3;

export interface ReasonQuestion {
  title: string;
  text: string;
  submit: string;
  act: (reason: string) => Promise<void>;
}

@customElement("soma-reason-dialog")
export class ReasonDialog extends LightElement {
  @state() private question: ReasonQuestion | null = null;
  @state() private reason = "";
  @state() private busy = false;
  @query("dialog") private readonly dialog!: HTMLDialogElement;

  ask(question: ReasonQuestion): void {
    this.question = question;
    this.reason = "";
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    const { question } = this;
    return html`<dialog class="dialog" aria-labelledby="reason-title" data-testid="reason-dialog">
      ${question === null
        ? nothing
        : html`<form @submit=${(event: Event) => void this.#submit(event, question)}>
            <h2 class="card__title" id="reason-title">${question.title}</h2>
            <p>${question.text}</p>
            <label class="field">
              <span class="field__label">${msg("Reason")}</span>
              <input
                class="input"
                autocomplete="off"
                maxlength="300"
                .value=${this.reason}
                @input=${(event: InputEvent) => {
                  this.reason = (event.target as HTMLInputElement).value;
                }}
              />
            </label>
            ${dialogActs(
              question.submit,
              msg("Cancel"),
              this.busy || this.reason.trim().length < LEAST,
              "danger",
            )}
          </form>`}
    </dialog>`;
  }

  async #submit(event: Event, question: ReasonQuestion): Promise<void> {
    event.preventDefault();
    this.busy = true;
    try {
      await question.act(this.reason.trim());
      this.dialog.close();
    } catch (failure) {
      this.dialog.close();
      this.services.toasts.problem(problemOf(failure));
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-reason-dialog": ReasonDialog;
  }
}
