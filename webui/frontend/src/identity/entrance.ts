/** How people come in: with a password that is kept here, or where their accounts are kept. */
import { msg, str } from "@lit/localize";
import { html } from "lit";
import type { ReactiveController, ReactiveControllerHost, TemplateResult } from "lit";
import type { Http } from "../api/http";
import type { components } from "../generated/api";

export type Entrance = components["schemas"]["EntranceOut"];

const HERE: Entrance = {
  name: "",
  sign_in: "",
  account: "",
  is_away: false,
  has_registration: false,
};

/**
 * Knows the entrance once the server has said it; an element that has one is drawn again then.
 *
 * `eager` false: the server is asked when `load` is called.
 */
export class EntranceController implements ReactiveController {
  #found: Entrance | null = null;

  constructor(
    private readonly host: ReactiveControllerHost,
    private readonly http: () => Http,
    private readonly eager = true,
  ) {
    host.addController(this);
  }

  /** Null: not known yet. */
  get known(): Entrance | null {
    return this.#found;
  }

  /** The place that keeps accounts; null: they are kept here, or it is not known yet. */
  get elsewhere(): Entrance | null {
    return this.#found === null || this.#found.name === "" ? null : this.#found;
  }

  hostConnected(): void {
    if (this.eager) void this.load();
  }

  async load(): Promise<void> {
    if (this.#found !== null) return;
    try {
      this.#found = await this.http().get<Entrance>("/auth/entrance", { anonymous: true });
    } catch {
      // The form says what is wrong when it is sent.
      this.#found = HERE;
    }
    this.host.requestUpdate();
  }
}

/** The address that leads there and back to a page of ours. */
export function signInAddress(entrance: Entrance, next: string, anew = false): string {
  const query = new URLSearchParams({ next, ...(anew ? { anew: "true" } : {}) });
  return `${entrance.sign_in}?${query.toString()}`;
}

/** Says that passwords, factors and addresses are kept there, and leads to them. */
export function keptThere(entrance: Entrance): TemplateResult {
  return html`<p>
      ${msg(str`Your password, second factors and e-mail address are kept in ${entrance.name}.`)}
    </p>
    <div class="row">
      <a class="button" href=${entrance.account}>
        ${msg(str`Open your account in ${entrance.name}`)}
      </a>
    </div>`;
}
