/** The state of the live connection in one line; silent while all is well. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";

@customElement("soma-connection-line")
export class ConnectionLine extends LightElement {
  readonly #socket = new StoreController(this);
  #tick: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#socket.follow(this.services.hub.socket);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#tick);
  }

  protected override updated(): void {
    clearTimeout(this.#tick);
    if (this.services.hub.socket.state.state !== "waiting") return;
    this.#tick = setTimeout(() => {
      this.requestUpdate();
    }, 1000);
  }

  protected override render(): TemplateResult {
    const { state, connections } = this.services.hub.socket.state;
    const isBad = state === "waiting" || state === "offline" || state === "refused";
    // The very first attempt is loading, not trouble.
    const isAgain = state === "connecting" && connections > 0;
    return html`<div
      class="connection ${isBad || isAgain ? "connection--shown" : ""}"
      data-testid="connection-state"
      data-state=${state}
    >
      <p role="status">${isBad || isAgain ? this.#words(state) : nothing}</p>
      ${state === "waiting" || state === "refused"
        ? html`<span class="connection__when" aria-hidden="true">${this.#countdown()}</span>
            <button
              type="button"
              class="button button--small"
              @click=${() => {
                this.services.hub.socket.reconnectNow();
              }}
            >
              ${msg("Try now")}
            </button>`
        : nothing}
    </div>`;
  }

  #words(state: string): string {
    switch (state) {
      case "offline":
        return msg("You are offline. What you send is kept and goes out when you are back.");
      case "refused":
        return msg("The server refused the live connection. Reload the page or sign in again.");
      default:
        return msg("The connection was lost. What you send is kept; trying again.");
    }
  }

  #countdown(): string {
    const { retryAt } = this.services.hub.socket.state;
    if (retryAt === null) return "";
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    return msg(str`next try in ${seconds} s`);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-connection-line": ConnectionLine;
  }
}
