/** Change of password: forced after the first sign-in, by choice from the account menu. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { EntranceController, keptThere } from "../identity/entrance";
import { destination } from "../router/detour";
import { HOME } from "../router/routes";
import { brand } from "../ui/brand";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";
import { SHORTEST_PASSWORD } from "../ui/account-fields";
import { problemView } from "../ui/states";



@customElement("soma-password-page")
export class PasswordPage extends LightElement {
  readonly #entrance = new EntranceController(this, () => this.services.http);
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @state() private mismatch = false;
  @query("#current") private readonly current!: HTMLInputElement | null;
  @query("#new") private readonly next!: HTMLInputElement;
  @query("#repeat") private readonly repetition!: HTMLInputElement;

  protected override firstUpdated(): void {
    document.title = `${msg("Change password")} · SomaAgent`;
    this.current?.focus();
  }

  protected override render(): TemplateResult {
    const { elsewhere } = this.#entrance;
    if (elsewhere !== null) {
      return narrowForm({ title: msg("Change password"), body: keptThere(elsewhere) });
    }
    const { me } = this.services.session.state;
    const forced = me?.must_change_password === true;
    return html`<main id="main" class="centred">
      <form class="card card--narrow" data-testid="password-form" @submit=${this.#submit}>
        ${brand()}
        <h1 class="card__title">
          ${forced ? msg("Choose your own password") : msg("Change password")}
        </h1>
        <p class="muted">
          ${forced
            ? msg("The one you signed in with works only once.")
            : msg("Other devices will be signed out.")}
        </p>
        ${this.problem === null ? nothing : problemView(this.problem)}
        <input
          type="email"
          name="username"
          autocomplete="username"
          .value=${me?.user.email ?? ""}
          hidden
        />
        ${this.#field("current", msg("Current password"), "current-password")}
        ${this.#field(
          "new",
          msg("New password"),
          "new-password",
          html`<span class="field__hint" id="new-hint">
            ${msg("At least 12 characters. A few unrelated words are easy to remember.")}
          </span>`,
        )}
        ${this.#field(
          "repeat",
          msg("New password again"),
          "new-password",
          this.mismatch
            ? html`<span class="field__error" id="repeat-hint" role="alert">
                ${msg("The two new passwords differ.")}
              </span>`
            : nothing,
        )}
        <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
          ${this.busy ? msg("Saving…") : msg("Change password")}
        </button>
        ${forced
          ? html`<button type="button" class="button button--quiet button--wide" @click=${this.#leave}>
              ${msg("Sign out")}
            </button>`
          : html`<a class="button button--quiet button--wide" href=${destination()}>${msg("Cancel")}</a>`}
      </form>
    </main>`;
  }

  #field(
    id: string,
    label: string,
    autocomplete: "current-password" | "new-password",
    hint: TemplateResult | typeof nothing = nothing,
  ): TemplateResult {
    return html`<div class="field">
      <label class="field__label" for=${id}>${label}</label>
      <input
        id=${id}
        name=${id}
        type="password"
        class="input"
        autocomplete=${autocomplete}
        minlength=${id === "current" ? nothing : SHORTEST_PASSWORD}
        aria-describedby=${hint === nothing ? nothing : `${id}-hint`}
        aria-invalid=${id === "repeat" && this.mismatch ? "true" : nothing}
        required
      />
      ${hint}
    </div>`;
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    this.mismatch = this.next.value !== this.repetition.value;
    if (this.mismatch) {
      this.repetition.focus();
      return;
    }
    const { session, router, toasts } = this.services;
    const back = destination();
    const isFirst = session.state.me?.must_change_password === true;
    this.busy = true;
    this.problem = null;
    try {
      await session.changePassword(this.current?.value ?? "", this.next.value);
      toasts.say(msg("Your password has been changed."));
      router.go(isFirst && back === HOME ? await this.#firstStep() : back, { replace: true });
    } catch (failure) {
      this.problem = problemOf(failure);
      this.busy = false;
      await this.updateComplete;
      this.current?.focus();
    }
  };

  /** The first administrator of a fresh platform has a model to set up before chatting. */
  async #firstStep(): Promise<string> {
    const { session, api } = this.services;
    if (!session.isPlatformAdmin) return HOME;
    try {
      const models = await api.models();
      return models.items.length === 0 ? "/platform/providers?first" : HOME;
    } catch {
      return HOME;
    }
  }

  readonly #leave = async (): Promise<void> => {
    try {
      await this.services.session.signOut(() => {
        this.services.hub.drafts.clear();
      });
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-password-page": PasswordPage;
  }
}
