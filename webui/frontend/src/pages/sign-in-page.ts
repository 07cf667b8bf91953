/** Sign-in by e-mail and password. Says when a session has ended, and that nothing is lost. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { brand } from "../ui/brand";
import { LightElement } from "../ui/light-element";
import { nextStep, referenceLine } from "../ui/states";

@customElement("soma-sign-in-page")
export class SignInPage extends LightElement {
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @query("#email") private readonly email!: HTMLInputElement;
  @query("#password") private readonly password!: HTMLInputElement;

  protected override firstUpdated(): void {
    document.title = `${msg("Sign in")} · SomaAgent`;
    this.email.focus();
  }

  protected override render(): TemplateResult {
    const { ended } = this.services.session.state;
    return html`<main id="main" class="centred">
      <form class="card card--narrow" data-testid="login-form" @submit=${this.#submit}>
        ${brand()}
        <h1 class="card__title">${msg("Sign in")}</h1>
        ${ended
          ? html`<p class="notice" role="status">
              ${msg("Your session has ended. Sign in to go on where you were; your draft is kept.")}
            </p>`
          : nothing}
        ${this.problem === null ? nothing : this.#failure(this.problem)}
        <label class="field">
          <span class="field__label">${msg("E-mail")}</span>
          <input
            id="email"
            name="email"
            type="email"
            class="input"
            autocomplete="username"
            autocapitalize="none"
            spellcheck="false"
            required
          />
        </label>
        <label class="field">
          <span class="field__label">${msg("Password")}</span>
          <input
            id="password"
            name="password"
            type="password"
            class="input"
            autocomplete="current-password"
            required
          />
        </label>
        <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
          ${this.busy ? msg("Signing in…") : msg("Sign in")}
        </button>
      </form>
    </main>`;
  }

  #failure(problem: Problem): TemplateResult {
    const known = problem.code === "invalid-credentials";
    return html`<div class="problem" role="alert">
      <p class="problem__title">
        ${known ? msg("E-mail or password is not right.") : problem.title}
      </p>
      ${known ? nothing : html`<p>${problem.detail}</p>`}
      <p class="problem__next">
        ${known ? msg("Check both and try again.") : nextStep(problem)}
      </p>
      ${known ? nothing : referenceLine(problem)}
    </div>`;
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      await this.services.session.signIn(this.email.value.trim(), this.password.value);
    } catch (failure) {
      this.problem = problemOf(failure);
      this.busy = false;
      await this.updateComplete;
      this.password.select();
    }
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sign-in-page": SignInPage;
  }
}
