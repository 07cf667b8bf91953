/** A new password by the link of a mail. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { IdentityApi } from "../identity/identity-api";
import { FORGOTTEN, SIGN_IN } from "../router/routes";
import { linkSecret } from "../session/link-secret";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";
import { newPasswordField } from "../ui/account-fields";
import { loadingView } from "../ui/states";

@customElement("soma-reset-page")
export class ResetPage extends LightElement {
  @state() private phase: "looking" | "open" | "over" | "done" = "looking";
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @query("#new-password") private readonly password!: HTMLInputElement;
  #api!: IdentityApi;
  #token = "";

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Choose a new password")} · SomaAgent`;
    this.#api = new IdentityApi(this.services.http);
    this.#token = linkSecret();
    void this.#look();
  }

  protected override render(): TemplateResult {
    return narrowForm({
      title: msg("Choose a new password"),
      problem: this.problem,
      submit: () => void this.#reset(),
      body: this.#body(),
    });
  }

  #body(): TemplateResult {
    switch (this.phase) {
      case "looking":
        return loadingView(msg("Looking at the link…"));
      case "over":
        return html`<p>${msg("This link is no longer valid: it works for an hour, and once.")}</p>
          <a class="button button--primary button--wide" href=${FORGOTTEN}>
            ${msg("Ask for a new one")}
          </a>`;
      case "done":
        return html`<p class="notice" role="status">
            ${msg("Your password has been changed. You were signed out everywhere.")}
          </p>
          <a class="button button--primary button--wide" href=${SIGN_IN}>${msg("Sign in")}</a>`;
      case "open":
        return html`${newPasswordField(msg("New password"))}
          <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
            ${msg("Save")}
          </button>`;
    }
  }

  async #look(): Promise<void> {
    try {
      const { valid } = await this.#api.isValidReset(this.#token);
      this.phase = valid ? "open" : "over";
      await this.updateComplete;
      if (valid) this.password.focus();
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #reset(): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      await this.#api.reset(this.#token, this.password.value);
      this.phase = "done";
      // Whoever was signed in here is signed out as everywhere.
      this.services.session.end();
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-reset-page": ResetPage;
  }
}
