/** A new account without an invitation; its address is confirmed by a mail. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { EntranceController } from "../identity/entrance";
import { IdentityApi } from "../identity/identity-api";
import { destination, detour } from "../router/detour";
import { SIGN_IN } from "../router/routes";
import { newPasswordField, ownNameField } from "../ui/account-fields";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";
import { loadingView } from "../ui/states";

@customElement("soma-register-page")
export class RegisterPage extends LightElement {
  @state() private busy = false;
  @state() private isSent = false;
  @state() private problem: Problem | null = null;
  @query("#name") private readonly name!: HTMLInputElement | null;
  @query("#email") private readonly email!: HTMLInputElement;
  @query("#new-password") private readonly password!: HTMLInputElement;
  readonly #entrance = new EntranceController(this, () => this.services.http);
  #hasFocused = false;

  protected override firstUpdated(): void {
    document.title = `${msg("Make an account")} · SomaAgent`;
  }

  protected override updated(): void {
    if (this.#hasFocused || this.name === null) return;
    this.#hasFocused = true;
    this.name.focus();
  }

  protected override render(): TemplateResult {
    return narrowForm({
      title: msg("Make an account"),
      problem: this.problem,
      testId: "register",
      submit: () => void this.#register(),
      body: this.#body(),
    });
  }

  #body(): TemplateResult {
    const { known } = this.#entrance;
    if (known === null) return loadingView(msg("Loading…"));
    if (known.has_registration) {
      return this.isSent ? this.#sent() : this.#form();
    }
    return html`<p>
        ${msg("Accounts are made by invitation here. Ask your organisation to invite you.")}
      </p>
      ${this.#back()}`;
  }

  #form(): TemplateResult {
    return html`${ownNameField()}
      <label class="field">
        <span class="field__label">${msg("E-mail")}</span>
        <input
          id="email"
          class="input"
          type="email"
          autocomplete="username"
          maxlength="254"
          required
        />
      </label>
      ${newPasswordField(msg("Password"))}
      <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
        ${msg("Make an account")}
      </button>
      ${this.#back()}`;
  }

  /** The same for every address: a taken one is told to its owner. */
  #sent(): TemplateResult {
    return html`<p class="notice" role="status">
        ${msg("A mail is on its way to this address. Follow its link within 24 hours, then sign in.")}
      </p>
      ${this.#back()}`;
  }

  #back(): TemplateResult {
    return html`<a class="button button--quiet button--wide" href=${detour(SIGN_IN, destination())}>
      ${msg("Back to sign-in")}
    </a>`;
  }

  async #register(): Promise<void> {
    if (this.name === null) return;
    this.busy = true;
    this.problem = null;
    try {
      await new IdentityApi(this.services.http).register(
        this.email.value.trim(),
        this.name.value.trim(),
        this.password.value,
      );
      this.isSent = true;
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-register-page": RegisterPage;
  }
}
