/** "Forgotten password": asks for the address, and answers the same for every address. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { IdentityApi } from "../identity/identity-api";
import { destination, detour } from "../router/detour";
import { SIGN_IN } from "../router/routes";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";

@customElement("soma-forgotten-page")
export class ForgottenPage extends LightElement {
  @state() private busy = false;
  @state() private isSent = false;
  @state() private problem: Problem | null = null;
  @query("#email") private readonly email!: HTMLInputElement;

  protected override firstUpdated(): void {
    document.title = `${msg("Forgotten password")} · SomaAgent`;
    this.email.focus();
  }

  protected override render(): TemplateResult {
    return narrowForm({
      title: msg("Forgotten password"),
      problem: this.problem,
      submit: () => void this.#ask(),
      body: this.isSent ? this.#sent() : this.#form(),
    });
  }

  #form(): TemplateResult {
    return html`<label class="field">
        <span class="field__label">${msg("E-mail")}</span>
        <input id="email" class="input" type="email" autocomplete="username" required />
      </label>
      <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
        ${msg("Send me a link")}
      </button>
      <a class="button button--quiet button--wide" href=${detour(SIGN_IN, destination())}>${msg("Back to sign-in")}</a>`;
  }

  #sent(): TemplateResult {
    return html`<p class="notice" role="status">
        ${msg("If there is an account with this address, a link is on its way. It works for an hour.")}
      </p>
      <a class="button button--wide" href=${detour(SIGN_IN, destination())}>${msg("Back to sign-in")}</a>`;
  }

  async #ask(): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      await new IdentityApi(this.services.http).askReset(this.email.value);
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
    "soma-forgotten-page": ForgottenPage;
  }
}
