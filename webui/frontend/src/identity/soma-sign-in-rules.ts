/** What the organisation asks of those who sign in: second factor, number and life of sessions. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import "../styles/identity.css";
import { Busy } from "../ui/busy";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";
import { skeleton } from "../ui/states";
import { EntranceController } from "./entrance";
import { IdentityApi } from "./identity-api";
import type { SignInPolicy } from "./identity-api";

type Mfa = SignInPolicy["mfa"];

@customElement("soma-sign-in-rules")
export class SignInRules extends LightElement {
  readonly #policy = new Loaded(this, () => this.#api.policy());
  readonly #entrance = new EntranceController(this, () => this.services.http);
  readonly #busy = new Busy(this, () => this.services.toasts);

  get #api(): IdentityApi {
    return new IdentityApi(this.services.http);
  }

  protected override render(): TemplateResult {
    return html`<section class="security" aria-labelledby="sign-in-rules-title">
      <h2 class="card__title" id="sign-in-rules-title">${msg("Signing in")}</h2>
      ${this.#note()}
      ${this.#policy.view(
        (policy) => this.#form(policy),
        () => skeleton(2, msg("Loading the rules…")),
      )}
    </section>`;
  }

  #note(): TemplateResult | typeof nothing {
    const { elsewhere } = this.#entrance;
    if (elsewhere === null) return nothing;
    return html`<p class="notice" role="note">
      ${msg(
        str`Accounts are kept in ${elsewhere.name}, which alone asks for second factors and sets them up: “Off” and “Optional” have no effect on it. Where one is required, whoever came without is sent there.`,
      )}
    </p>`;
  }

  #form(policy: SignInPolicy): TemplateResult {
    return html`<form
      class="row"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#save(new FormData(event.target as HTMLFormElement));
      }}
    >
      <label class="field">
        <span class="field__label">${msg("Second factor")}</span>
        <select class="input" name="mfa">
          ${this.#choices().map(
            ([key, name]) =>
              html`<option value=${key} ?selected=${key === policy.mfa}>${name}</option>`,
          )}
        </select>
      </label>
      ${this.#number("session_limit", msg("Sessions a person"), policy.session_limit, 1)}
      ${this.#number("idle_minutes", msg("Idle minutes"), policy.idle_minutes, 5)}
      ${this.#number("absolute_hours", msg("Hours at most"), policy.absolute_hours, 1)}
      <label class="check">
        <input
          type="checkbox"
          name="allows_impersonation"
          .checked=${policy.allows_impersonation}
        />
        <span
          >${msg("Platform administrators may act as people here; otherwise only when two of them agree")}</span
        >
      </label>
      <button type="submit" class="button" ?disabled=${this.#busy.now}>${msg("Save")}</button>
    </form>`;
  }

  #choices(): readonly (readonly [Mfa, string])[] {
    return [
      ["off", msg("Off")],
      ["optional", msg("Optional")],
      ["admins", msg("Required for administrators")],
      ["required", msg("Required")],
    ];
  }

  #number(name: string, label: string, value: number | null, least: number): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${label}</span>
      <input
        class="input"
        type="number"
        name=${name}
        min=${least}
        placeholder=${msg("as the platform")}
        .value=${value === null ? "" : String(value)}
      />
    </label>`;
  }

  #save(fields: FormData): Promise<void> {
    const number = (name: string): number | null => {
      const text = textOf(fields, name);
      return text === "" ? null : Number(text);
    };
    return this.#busy.run(async () => {
      const saved = await this.#api.setPolicy({
        mfa: textOf(fields, "mfa") as Mfa,
        session_limit: number("session_limit"),
        idle_minutes: number("idle_minutes"),
        absolute_hours: number("absolute_hours"),
        allows_impersonation: fields.has("allows_impersonation"),
      });
      this.#policy.show(saved);
      this.services.toasts.say(msg("Saved. It holds from now on."));
      await this.services.session.refresh();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sign-in-rules": SignInRules;
  }
}
