/** A program on the person's machine asks for access: who, where, what, how long; yes or no. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Me, Problem } from "../api/types";
import { IdentityApi } from "../identity/identity-api";
import type { Question } from "../identity/identity-api";
import { scopeList } from "../identity/scopes";
import { HOME } from "../router/routes";
import "../styles/identity.css";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";
import { loadingView } from "../ui/states";
import { dayOf, lastingHours } from "../ui/times";

@customElement("soma-authorize-page")
export class AuthorizePage extends LightElement {
  @state() private question: Question | null = null;
  @state() private problem: Problem | null = null;
  /** Empty until it was answered. */
  @state() private said = "";
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: IdentityApi;
  /** What the program asks for, as it stands in the address. */
  #asked: Record<string, string> = {};

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Allow a program?")} · SomaAgent`;
    this.#api = new IdentityApi(this.services.http);
    this.#asked = Object.fromEntries(this.services.router.state.query);
    void this.#look();
  }

  protected override render(): TemplateResult {
    const { me } = this.services.session.state;
    return narrowForm({
      title: this.question === null ? msg("Allow a program?") : msg(str`Allow ${this.question.program}?`),
      problem: this.problem,
      testId: "authorize",
      body: this.#body(me),
    });
  }

  #body(me: Me | null): TemplateResult {
    const { question } = this;
    if (this.said !== "") return html`<p class="notice" role="status">${this.said}</p>`;
    if (question === null || me === null) {
      return this.problem === null
        ? loadingView(msg("Looking at what it asks for…"))
        : html`<a class="button button--wide" href=${HOME}>${msg("Go to chat")}</a>`;
    }
    return html`<p>
        ${msg("A program on this machine asks for access to your account. The name is its own word: allow it only if you have just started it yourself.")}
      </p>
      ${this.#facts(question, me)}
      ${question.allowed_at === null
        ? nothing
        : html`<p class="muted">
            ${msg(str`You allowed the same ${dayOf(question.allowed_at)}.`)}
          </p>`}
      <p class="muted">
        ${msg("You can end it at any time, under “Profile and security”.")}
      </p>
      <div class="row">
        ${this.#button(msg("Allow"), true)} ${this.#button(msg("Refuse"), false)}
      </div>`;
  }

  #facts(question: Question, me: Me): TemplateResult {
    return html`<dl class="facts consent">
      <div>
        <dt>${msg("Program")}</dt>
        <dd>${question.program}</dd>
      </div>
      <div>
        <dt>${msg("Listens at")}</dt>
        <dd>${question.place}</dd>
      </div>
      <div>
        <dt>${msg("Account")}</dt>
        <dd>${me.user.display_name} (${me.user.email})</dd>
      </div>
      ${question.tenant === ""
        ? nothing
        : html`<div>
            <dt>${msg("Organisation")}</dt>
            <dd>${question.tenant}</dd>
          </div>`}
      <div>
        <dt>${msg("It could")}</dt>
        <dd>${scopeList(question.scopes)}</dd>
      </div>
      <div>
        <dt>${msg("For")}</dt>
        <dd>${lastingHours(question.life_hours)}</dd>
      </div>
    </dl>`;
  }

  #button(label: string, allow: boolean): TemplateResult {
    return html`<button
      type="button"
      class="button ${allow ? "button--primary" : ""}"
      ?disabled=${this.#busy.now}
      @click=${() => void this.#answer(allow)}
    >
      ${label}
    </button>`;
  }

  async #look(): Promise<void> {
    try {
      this.question = await this.#api.consentQuestion(location.search);
    } catch (failure) {
      await this.#refused(problemOf(failure));
    }
  }

  /** What a program asked wrongly is told to it; where it may not be believed, to the person. */
  async #refused(problem: Problem): Promise<void> {
    if (problem.redirect_to === undefined) {
      this.problem = problem;
      return;
    }
    await this.#leave(
      problem.redirect_to,
      msg("The program asked in a way that is not known here, and was told so. This page can be closed."),
    );
  }

  /** Back to the program; where it does not take the browser over, the page says what happened. */
  async #leave(address: string, said: string): Promise<void> {
    this.said = said;
    await this.updateComplete;
    location.replace(address);
  }

  #answer(allow: boolean): Promise<void> {
    this.problem = null;
    return this.#busy.run(
      async () => {
        const { redirect_to } = await this.#api.answerConsent({ ...this.#asked, allow });
        await this.#leave(
          redirect_to,
          allow
            ? msg("Allowed. Go back to the program; this page can be closed.")
            : msg("Refused. The program got no access; this page can be closed."),
        );
      },
      (problem) => void this.#refused(problem),
    );
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-authorize-page": AuthorizePage;
  }
}
