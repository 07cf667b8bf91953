/** Sign-in at one's company: the address says where. Says why a provider's answer was refused. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import { IdentityApi } from "../identity/identity-api";
import type { SecondStep } from "../identity/identity-api";
import { destination } from "../router/detour";
import { LightElement } from "../ui/light-element";

/** The second factor that is still to be shown after the company's page; read once. */
export function stepOfCompany(): SecondStep | null {
  const brought = new URLSearchParams(location.hash.slice(1));
  const challenge = brought.get("challenge");
  if (challenge === null) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return { challenge, methods: (brought.get("methods") ?? "").split(",") };
}

@customElement("soma-company-sign-in")
export class CompanySignIn extends LightElement {
  /** The address that was typed so far. */
  @property({ attribute: false }) address: () => string = () => "";
  @state() private busy = false;
  @state() private said = "";

  protected override render(): TemplateResult {
    const refused = this.services.router.state.query.get("refused");
    const words = this.said === "" && refused !== null ? this.#reason(refused) : this.said;
    return html`${words === "" ? nothing : html`<p class="notice" role="alert">${words}</p>`}
      <button
        type="button"
        class="button button--wide"
        data-testid="company-sign-in"
        ?disabled=${this.busy}
        @click=${this.#go}
      >
        ${msg("Company sign-in")}
      </button>`;
  }

  readonly #go = async (): Promise<void> => {
    const address = this.address();
    if (!address.includes("@")) {
      this.said = msg("Fill in your e-mail address first: it says where your company signs in.");
      return;
    }
    this.busy = true;
    try {
      const found = await new IdentityApi(this.services.http).companySignIn(address);
      if (found.provider_id !== null) {
        const next = encodeURIComponent(destination());
        location.assign(`/api/v2/auth/oauth/${found.provider_id}?next=${next}`);
        return;
      }
      this.said = msg("No company sign-in is set up for this address. Use your password.");
    } catch (failure) {
      this.said = problemOf(failure).title;
    }
    this.busy = false;
  };

  #reason(code: string): string {
    switch (code) {
      case "sso-provider-away":
        return msg(
          "The sign-in service of your company cannot be reached. Try again in a few minutes.",
        );
      case "sso-not-for-you":
        return msg(
          "Your company's sign-in does not open this door. Use your password, or ask your administrator for an invitation.",
        );
      default:
        return msg("The sign-in at your company could not be confirmed. Begin again.");
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-company-sign-in": CompanySignIn;
  }
}
