/** What all organisations used and cost, for administrators of the platform. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Usage, UsageQuery } from "../gateway/gateway-api";
import { RoutingApi } from "../gateway/routing-api";
import { LightElement } from "../ui/light-element";
import { reservedView } from "../ui/states";
import "./usage-report";
import type { Sums } from "./usage-report";

/** Whose the shadows are; see `gateway.routing.policies`. */
const PLATFORM = "00000000-0000-0000-0000-000000000001";

@customElement("soma-spending-page")
export class SpendingPage extends LightElement {
  @state() private names: ReadonlyMap<string, string> = new Map();
  readonly #sums: Sums = [
    ["tenant", msg("Organisation")],
    ["model", msg("Model")],
    ["provider", msg("Provider")],
    ["kind", msg("Kind of call")],
  ];
  #api!: RoutingApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new RoutingApi(this.services.http, true);
    document.title = `${msg("Spending")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Spending")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="spending-page">
        ${this.services.session.isPlatformAdmin
          ? html`<soma-usage-report
              .sums=${this.#sums}
              .ask=${this.#ask}
              .names=${this.names}
            ></soma-usage-report>`
          : reservedView(
              msg("This page is for administrators of the platform"),
              msg("What your organisation used stands on the page Usage."),
            )}
      </main>`;
  }

  readonly #ask = (query: UsageQuery): Promise<Usage> => this.#api.spending(query);

  async #load(): Promise<void> {
    try {
      const { items } = await this.#api.tenants();
      const tenants = items.map(({ id, name }) => [id, name] as const);
      this.names = new Map([...tenants, [PLATFORM, msg("the platform (shadows)")]]);
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-spending-page": SpendingPage;
  }
}
