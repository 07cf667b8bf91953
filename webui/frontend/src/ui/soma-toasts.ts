/** Shows the toasts; the region itself always stands, so that screen readers hear additions. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { StoreController } from "../store";
import { ICONS } from "./icons";
import { LightElement } from "./light-element";
import { nextStep, referenceLine } from "./states";
import type { Toast } from "./toasts";

@customElement("soma-toasts")
export class SomaToasts extends LightElement {
  readonly #follow = new StoreController(this);
  /** Where the focus was before it came here. */
  #cameFrom: HTMLElement | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#follow.follow(this.services.toasts);
  }

  protected override render(): TemplateResult {
    const { toasts } = this.services.toasts.state;
    return html`<div class="toasts" role="status" aria-live="polite" @focusin=${this.#onFocus}>
      ${repeat(toasts, (toast) => toast.id, (toast) => this.#toast(toast))}
    </div>`;
  }

  #toast(toast: Toast): TemplateResult {
    const { toasts } = this.services;
    const end = (act: () => void): void => {
      const hadFocus = this.contains(document.activeElement);
      act();
      if (hadFocus) this.#giveFocusBack();
    };
    const dismiss = (): void => {
      end(() => {
        toasts.dismiss(toast.id);
      });
    };
    const undo = (): void => {
      end(() => {
        toasts.undo(toast.id);
      });
    };
    const hold = (): void => {
      toasts.hold(toast.id);
    };
    const release = (): void => {
      toasts.release(toast.id);
    };
    return html`<div
      class="toast ${toast.problem === null ? "" : "toast--problem"}"
      @pointerenter=${hold}
      @focusin=${hold}
      @pointerleave=${release}
      @focusout=${release}
    >
      <div class="toast__body">
        <p>${toast.text}</p>
        ${toast.problem === null ? nothing : this.#problem(toast)}
      </div>
      ${toast.undo === null
        ? nothing
        : html`<button
            type="button"
            class="button button--small"
            data-testid="toast-undo"
            @click=${undo}
          >
            ${msg("Undo")}
          </button>`}
      <button
        type="button"
        class="button button--icon button--small"
        aria-label=${msg("Dismiss")}
        @click=${dismiss}
      >
        ${ICONS.close}
      </button>
    </div>`;
  }

  readonly #onFocus = ({ relatedTarget }: FocusEvent): void => {
    if (relatedTarget instanceof HTMLElement && !this.contains(relatedTarget)) {
      this.#cameFrom = relatedTarget;
    }
  };

  #giveFocusBack(): void {
    const target = this.#cameFrom?.isConnected === true ? this.#cameFrom : null;
    (target ?? document.querySelector<HTMLElement>("main"))?.focus();
  }

  #problem({ problem }: Toast): TemplateResult | typeof nothing {
    if (problem === null) return nothing;
    return html`
      ${problem.detail === "" ? nothing : html`<p>${problem.detail}</p>`}
      <p>${nextStep(problem)}</p>
      ${referenceLine(problem)}
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-toasts": SomaToasts;
  }
}
