/** Follows the link of a mail that confirms an address: of a change, or of a new account. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { IdentityApi } from "../identity/identity-api";
import { HOME } from "../router/routes";
import { linkSecret } from "../session/link-secret";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";

@customElement("soma-confirm-page")
export class ConfirmPage extends LightElement {
  @state() private said = "";
  @state() private busy = false;
  @state() private problem: Problem | null = null;

  protected override firstUpdated(): void {
    document.title = `${msg("Confirm your address")} · SomaAgent`;
  }

  /** A button, and not at once: programs that look at mails open their links. */
  protected override render(): TemplateResult {
    return narrowForm({
      title: msg("Confirm your address"),
      problem: this.problem,
      submit: () => void this.#confirm(),
      body:
        this.said === ""
          ? html`<button
              type="submit"
              class="button button--primary button--wide"
              ?disabled=${this.busy}
            >
              ${msg("Confirm")}
            </button>`
          : html`<p class="notice" role="status">${this.said}</p>
              <a class="button button--wide" href=${HOME}>${msg("Go on")}</a>`,
    });
  }

  async #confirm(): Promise<void> {
    const { router, http } = this.services;
    const token = linkSecret();
    const api = new IdentityApi(http);
    this.busy = true;
    this.problem = null;
    try {
      if (router.state.match?.name === "confirm-account") {
        await api.confirmAccount(token);
        this.said = msg("Your account is ready. Sign in with your password.");
      } else {
        const { changed } = await api.confirmEmail(token);
        this.said = changed
          ? msg("Your address has been changed.")
          : msg("Confirmed here. Now follow the link that was sent to the other address.");
      }
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-confirm-page": ConfirmPage;
  }
}
