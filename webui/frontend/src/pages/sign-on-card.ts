/** One sign-on provider: whose addresses it speaks for, its live test, on and off, its removal. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { PROOF_PATH } from "../identity/sign-on-api";
import type { SignOnApi, SignOnDomain, SignOnProvider, SignOnTest } from "../identity/sign-on-api";
import { Busy } from "../ui/busy";
import { copyButton } from "../ui/copy-button";
import { dialogActs } from "../ui/dialog-acts";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { dayOf, exactTime } from "../ui/times";
import { kindTitle } from "./sign-on-form";

@customElement("soma-sign-on-card")
export class SignOnCard extends LightElement {
  @property({ attribute: false }) api!: SignOnApi;
  @property({ attribute: false }) provider!: SignOnProvider;
  @property({ attribute: false }) roleTitle = "";
  /** Looks and tests, changes nothing. */
  @property({ type: Boolean }) readonly = false;
  @state() private result: SignOnTest | null = null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  @query("input[name=domain]") private readonly domainField!: HTMLInputElement | null;
  readonly #busy = new Busy(this, () => this.services.toasts);

  protected override render(): TemplateResult {
    const { provider } = this;
    return html`<section class="card security" aria-label=${provider.name} data-sign-on=${provider.id}>
      <div class="card__head">
        <h2 class="card__title">${provider.name}</h2>
        <span class="tag">${kindTitle(provider.kind)}</span>
        ${provider.is_enabled ? nothing : html`<span class="tag tag--warn">${msg("off")}</span>`}
      </div>
      <dl class="facts">
        ${provider.issuer === ""
          ? nothing
          : html`<div><dt>${msg("Issuer")}</dt><dd><code>${provider.issuer}</code></dd></div>`}
        <div><dt>${msg("Client id")}</dt><dd><code>${provider.client_id}</code></dd></div>
        <div><dt>${msg("First role")}</dt><dd>${this.roleTitle}</dd></div>
        <div><dt>${msg("People so far")}</dt><dd>${provider.people}</dd></div>
      </dl>
      ${this.#domains()} ${this.#findings()} ${this.#acts()} ${this.#removal()}
    </section>`;
  }

  #domains(): TemplateResult {
    const { domains } = this.provider;
    return html`<h3>${msg("Domains that it speaks for")}</h3>
      ${domains.length === 0
        ? html`<p class="muted">${msg("None yet: nobody can join by this provider.")}</p>`
        : html`<ul class="security__list">${domains.map((one) => this.#domain(one))}</ul>`}
      ${this.readonly ? nothing : this.#newDomain()}`;
  }

  #domain(one: SignOnDomain): TemplateResult {
    const since = one.confirmed_at;
    return html`<li data-domain=${one.domain}>
      <div class="security__item">
        <span>
          ${one.domain}
          ${since === null
            ? html`<span class="tag tag--warn">${msg("not confirmed")}</span>`
            : html`<span class="tag" title=${exactTime(since)}>${msg(str`confirmed ${dayOf(since)}`)}</span>`}
        </span>
        ${this.readonly
          ? nothing
          : html`<span class="row">
              ${since === null
                ? html`<button
                    type="button"
                    class="button button--small"
                    aria-label=${msg(str`Confirm ${one.domain}`)}
                    ?disabled=${this.#busy.now}
                    @click=${() => void this.#confirm(one)}
                  >
                    ${msg("Confirm")}
                  </button>`
                : nothing}
              <button
                type="button"
                class="button button--small button--danger"
                aria-label=${msg(str`Take away ${one.domain}`)}
                ?disabled=${this.#busy.now}
                @click=${() => void this.#takeAway(one)}
              >
                ${msg("Take away")}
              </button>
            </span>`}
      </div>
      ${since === null && !this.readonly ? this.#proof(one) : nothing}
    </li>`;
  }

  #proof(one: SignOnDomain): TemplateResult {
    return html`<p class="hint">
        ${msg(str`Let https://${one.domain}${PROOF_PATH} show this text, then confirm. Or ask whoever runs this platform to approve it.`)}
      </p>
      <div class="security__item">
        <code class="gateway__secret">${one.proof}</code>
        ${copyButton(this.services.toasts, one.proof, msg(str`Copy the proof of ${one.domain}`))}
      </div>`;
  }

  #newDomain(): TemplateResult {
    return html`<form class="row" @submit=${(event: SubmitEvent) => void this.#addDomain(event)}>
      <label class="field">
        <span class="field__label">${msg("Domain of e-mail addresses")}</span>
        <input
          class="input"
          name="domain"
          required
          autocomplete="off"
          spellcheck="false"
          placeholder="example.org"
        />
      </label>
      <button type="submit" class="button" ?disabled=${this.#busy.now}>${msg("Add it")}</button>
    </form>`;
  }

  #findings(): TemplateResult {
    const { result } = this;
    return html`<div role="status" data-testid="findings">
      ${result === null
        ? nothing
        : html`<p>
              ${result.is_ok
                ? msg("All is well: people can sign in by this provider.")
                : msg("It does not work yet:")}
            </p>
            <ul class="security__list">
              ${result.findings.map(
                ({ what, is_ok: isOk, detail }) => html`<li class="security__finding" data-finding=${what}>
                  ${isOk ? ICONS.check : ICONS.warning}
                  <span class="visually-hidden">${isOk ? msg("Right:") : msg("Wrong:")}</span>
                  <span>${detail}</span>
                </li>`,
              )}
            </ul>`}
    </div>`;
  }

  #acts(): TemplateResult {
    const { provider } = this;
    return html`<div class="row">
      <button
        type="button"
        class="button"
        aria-label=${msg(str`Test ${provider.name}`)}
        ?disabled=${this.#busy.now}
        @click=${() => void this.#test()}
      >
        ${msg("Test")}
      </button>
      ${this.readonly
        ? nothing
        : html`<button
              type="button"
              class="button"
              aria-label=${msg(str`Edit ${provider.name}`)}
              @click=${() => {
                this.#tell("sign-on-edit");
              }}
            >
              ${msg("Edit")}
            </button>
            <button
              type="button"
              class="button"
              aria-label=${provider.is_enabled
                ? msg(str`Turn off ${provider.name}`)
                : msg(str`Turn on ${provider.name}`)}
              ?disabled=${this.#busy.now}
              @click=${() => void this.#toggle()}
            >
              ${provider.is_enabled ? msg("Turn off") : msg("Turn on")}
            </button>
            <button
              type="button"
              class="button button--danger"
              aria-label=${msg(str`Remove ${provider.name}`)}
              @click=${() => {
                this.dialog.showModal();
              }}
            >
              ${msg("Remove")}
            </button>`}
    </div>`;
  }

  #removal(): TemplateResult {
    const { name } = this.provider;
    return html`<dialog class="dialog" aria-labelledby=${`remove-${this.provider.id}`}>
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#remove();
        }}
      >
        <h2 class="card__title" id=${`remove-${this.provider.id}`}>${msg(str`Remove ${name}?`)}</h2>
        <p>
          ${msg("Nobody can sign in by it any more. People keep their accounts, memberships and open sessions; whoever has no password asks for a new one by mail.")}
        </p>
        ${dialogActs(msg("Remove the provider"), msg("Keep it"), this.#busy.now, "danger")}
      </form>
    </dialog>`;
  }

  #test(): Promise<void> {
    return this.#busy.run(async () => {
      this.result = null;
      this.result = await this.api.test(this.provider.id);
    });
  }

  #toggle(): Promise<void> {
    return this.#busy.run(async () => {
      await this.api.change(this.provider.id, { is_enabled: !this.provider.is_enabled });
      this.#tell("sign-on-changed");
    });
  }

  #remove(): Promise<void> {
    return this.#busy.run(async () => {
      await this.api.remove(this.provider.id);
      this.dialog.close();
      this.#tell("sign-on-removed");
    });
  }

  #addDomain(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    return this.#busy.run(async () => {
      await this.api.addDomain(this.provider.id, this.domainField?.value ?? "");
      (event.target as HTMLFormElement).reset();
      this.#tell("sign-on-changed");
    });
  }

  #confirm(one: SignOnDomain): Promise<void> {
    return this.#busy.run(async () => {
      await this.api.confirmDomain(this.provider.id, one.domain);
      this.services.toasts.say(msg(str`${one.domain} is confirmed.`));
      this.domainField?.focus();
      this.#tell("sign-on-changed");
    });
  }

  #takeAway(one: SignOnDomain): Promise<void> {
    return this.#busy.run(async () => {
      await this.api.removeDomain(this.provider.id, one.domain);
      this.domainField?.focus();
      this.#tell("sign-on-changed");
    });
  }

  #tell(name: string): void {
    this.dispatchEvent(new CustomEvent(name));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sign-on-card": SignOnCard;
  }
}
