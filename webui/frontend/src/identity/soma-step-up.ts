/** The dialog before a dangerous act: the password, a code or a passkey, whichever is at hand. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Me, Problem } from "../api/types";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";
import { EntranceController, signInAddress } from "./entrance";
import type { Entrance } from "./entrance";
import { IdentityApi } from "./identity-api";
import { hasPasskeys, showPasskey } from "./passkey";

@customElement("soma-step-up")
export class StepUp extends LightElement {
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  @query("#step-up-proof") private readonly proof!: HTMLInputElement | null;
  readonly #entrance = new EntranceController(this, () => this.services.http, false);
  readonly #asked = new StoreController(this);
  #api!: IdentityApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new IdentityApi(this.services.http);
    this.#asked.follow(this.services.stepUp);
  }

  protected override updated(): void {
    const { open } = this.services.stepUp.state;
    if (open && !this.dialog.open) {
      this.problem = null;
      this.dialog.showModal();
      void this.#entrance.load();
      this.proof?.focus();
    }
    if (!open && this.dialog.open) this.dialog.close();
  }

  protected override render(): TemplateResult {
    return html`<dialog
      class="dialog"
      aria-labelledby="step-up-title"
      data-testid="step-up"
      @close=${() => {
        if (this.services.stepUp.state.open) this.services.stepUp.finish(false);
      }}
    >
      ${this.services.stepUp.state.open ? this.#form() : nothing}
    </dialog>`;
  }

  /** Accounts are kept elsewhere: it is shown there, and what was to be done is begun again. */
  #atProvider(entrance: Entrance): TemplateResult {
    return html`<h2 class="card__title" id="step-up-title">${msg("Confirm that it is you")}</h2>
      <p>
        ${msg(
          str`This needs a sign-in of the last five minutes. ${entrance.name} asks for it and leads back to this page; then do it again.`,
        )}
      </p>
      <div class="row">
        <a
          class="button button--primary"
          href=${signInAddress(entrance, location.pathname + location.search, true)}
        >
          ${msg(str`Sign in with ${entrance.name}`)}
        </a>
        <button
          type="button"
          class="button"
          @click=${() => {
            this.services.stepUp.finish(false);
          }}
        >
          ${msg("Cancel")}
        </button>
      </div>`;
  }

  #form(): TemplateResult {
    const { elsewhere } = this.#entrance;
    if (elsewhere !== null) return this.#atProvider(elsewhere);
    return html`<form @submit=${(event: SubmitEvent) => void this.#confirm(event)}>
        <h2 class="card__title" id="step-up-title">${msg("Confirm that it is you")}</h2>
        <p class="muted">${msg("This needs a sign-in of the last five minutes.")}</p>
        ${this.problem === null ? nothing : problemView(this.problem)}
        <label class="field">
          <span class="field__label">${msg("Password, or a code of your app")}</span>
          <input
            id="step-up-proof"
            class="input"
            type="password"
            autocomplete="current-password"
            required
          />
        </label>
        <div class="row">
          <button type="submit" class="button button--primary" ?disabled=${this.busy}>
            ${msg("Confirm")}
          </button>
          ${hasPasskeys()
            ? html`<button
                type="button"
                class="button"
                ?disabled=${this.busy}
                @click=${() => void this.#act(() => this.#byPasskey())}
              >
                ${msg("Use a passkey")}
              </button>`
            : nothing}
          <button
            type="button"
            class="button"
            @click=${() => {
              this.services.stepUp.finish(false);
            }}
          >
            ${msg("Cancel")}
          </button>
        </div>
      </form>`;
  }

  async #confirm(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const value = this.proof?.value ?? "";
    const isCode = /^\d{6}$/.test(value);
    await this.#act(() => this.#api.stepUp(isCode ? { code: value } : { password: value }));
  }

  async #byPasskey(): Promise<Me> {
    const asked = await this.#api.askPasskey(null);
    return await this.#api.stepUpPasskey(asked.challenge, await showPasskey(asked));
  }

  async #act(work: () => Promise<Me>): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      await work();
      this.services.stepUp.finish(true);
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-step-up": StepUp;
  }
}
