/** What an organisation says about every turn of its agents: instructions, room, limits, privacy. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { SettingsApi } from "../settings/settings-api";
import type { Policy, Shares } from "../settings/settings-api";
import "../styles/settings.css";
import { showProblem } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";

type Lane = keyof Shares;

const LANES: readonly Lane[] = ["system", "history", "memory", "tools", "tool_results", "buffer"];

function laneName(lane: Lane): string {
  switch (lane) {
    case "system":
      return msg("Instructions");
    case "history":
      return msg("Earlier messages");
    case "memory":
      return msg("Memories");
    case "tools":
      return msg("Tools");
    case "tool_results":
      return msg("Results of tools");
    case "buffer":
      return msg("The message");
  }
}

@customElement("soma-policy-page")
export class PolicyPage extends LightElement {
  @state() private policy: Policy | null = null;
  @state() private shares: Shares | null = null;
  @state() private problem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @state() private busy = false;
  @query("form") private readonly form!: HTMLFormElement | null;
  #api!: SettingsApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new SettingsApi(this.services.http);
    document.title = `${msg("Rules for all agents")} · SomaAgent`;
    if (this.#isAdmin) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Rules for all agents")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="policy-page">
        ${this.#body()}
      </main>`;
  }

  get #isAdmin(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  #body(): TemplateResult {
    if (!this.#isAdmin) {
      return emptyView(
        msg("This page is for administrators"),
        msg("An administrator of your organisation sets what holds for all agents."),
        html`<a class="button" href="/agents">${msg("All agents")}</a>`,
      );
    }
    if (this.policy === null) {
      return this.problem === null
        ? skeleton(5, msg("Loading the rules…"))
        : problemView(this.problem, () => void this.#load());
    }
    return this.#edit(this.policy);
  }

  #edit(policy: Policy): TemplateResult {
    return html`<form class="card form" @submit=${(event: SubmitEvent) => void this.#save(event)}>
      ${this.formProblem === null ? nothing : problemView(this.formProblem)}
      <div class="field">
        <label class="field__label" for="policy-instructions">${msg("Instructions")}</label>
        <textarea
          id="policy-instructions"
          name="instructions"
          class="input input--tall"
          rows="6"
          maxlength="20000"
          aria-describedby="policy-instructions-hint"
          .value=${policy.instructions}
        ></textarea>
        <span class="field__hint" id="policy-instructions-hint">
          ${msg("Every agent is given these before its own.")}
        </span>
      </div>
      ${this.#privacy(policy)}
      <fieldset class="knobs">
        <legend class="field__label">${msg("Upper limits, beside each agent’s own")}</legend>
        ${number("turn_tokens", msg("A whole turn (tokens)"), policy.turn_tokens, 1000, 2000000)}
        ${number("output_tokens", msg("Longest answer (tokens)"), policy.output_tokens, 32, 2000000)}
        ${number("recall_items", msg("Memories recalled"), policy.recall_items, 0, 50)}
        ${number("tool_limit", msg("Tools offered"), policy.tool_limit, 0, 10)}
      </fieldset>
      ${this.#lanes(policy)}
      <div class="row">
        <button
          type="submit"
          class="button button--primary"
          ?disabled=${this.busy || this.#whole !== 100}
        >
          ${this.busy ? msg("Saving…") : msg("Save")}
        </button>
        <a class="button" href="/agents">${msg("All agents")}</a>
      </div>
    </form>`;
  }

  #privacy(policy: Policy): TemplateResult {
    const mayTurnOn = policy.can_redact || policy.redacts;
    return html`<div class="field">
      <label class="check">
        <input
          type="checkbox"
          name="redacts"
          aria-describedby="policy-redacts-hint"
          ?disabled=${!mayTurnOn}
          .checked=${policy.redacts}
        />
        <span>${msg("Hide personal data from models outside")}</span>
      </label>
      <span class="field__hint" id="policy-redacts-hint">
        ${mayTurnOn
          ? msg("E-mail addresses, telephone numbers, bank accounts, payment cards and numbers of identity are replaced before anything is sent, and put back in the answer. Names are found only where the platform has a language pipeline for them. It lowers what is told; it is no proof that nothing is.")
          : msg("The platform’s operator has to install what finds personal data: requirements/privacy.txt.")}
      </span>
    </div>`;
  }

  #lanes(policy: Policy): TemplateResult {
    const shown = this.shares ?? policy.standard;
    const whole = this.#whole;
    return html`<fieldset class="knobs">
      <legend class="field__label">${msg("Room in the model’s window, per cent")}</legend>
      <label class="check settings__wide">
        <input
          type="checkbox"
          .checked=${this.shares === null}
          @change=${(event: Event) => {
            const isStandard = (event.target as HTMLInputElement).checked;
            this.shares = isStandard ? null : { ...policy.standard };
          }}
        />
        <span>${msg("As the platform’s table")}</span>
      </label>
      ${LANES.map(
        (lane) => html`<div class="field">
          <label class="field__label" for="share-${lane}">${laneName(lane)}</label>
          <input
            id="share-${lane}"
            class="input"
            type="number"
            min="0"
            max="100"
            step="1"
            required
            ?disabled=${this.shares === null}
            .value=${String(shown[lane])}
            @input=${(event: Event) => {
              const { value } = event.target as HTMLInputElement;
              if (this.shares !== null) this.shares = { ...this.shares, [lane]: Number(value) };
            }}
          />
        </div>`,
      )}
      <p class="settings__wide hint" role="status" data-testid="whole">
        ${whole === 100
          ? msg("Together 100 per cent. What a part does not need goes to the others.")
          : msg(str`Together ${whole} per cent; it has to be 100.`)}
      </p>
    </fieldset>`;
  }

  get #whole(): number {
    if (this.shares === null) return 100;
    return Object.values(this.shares).reduce((sum, share) => sum + share, 0);
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.#show(await this.#api.policy());
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  #show(policy: Policy): void {
    this.policy = policy;
    this.shares = policy.shares ?? null;
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.form === null || this.busy) return;
    const data = new FormData(this.form);
    const text = (name: string): string => {
      const value = data.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    const limit = (name: string): number | null => (text(name) === "" ? null : Number(text(name)));
    this.busy = true;
    this.formProblem = null;
    try {
      this.#show(
        await this.#api.setPolicy({
          instructions: text("instructions"),
          shares: this.shares,
          turn_tokens: limit("turn_tokens"),
          output_tokens: limit("output_tokens"),
          recall_items: limit("recall_items"),
          tool_limit: limit("tool_limit") ?? 10,
          redacts: data.has("redacts"),
        }),
      );
      this.services.toasts.say(msg("The rules were saved; they hold from the next answer on."));
    } catch (failure) {
      this.formProblem = problemOf(failure);
      await showProblem(this);
    } finally {
      this.busy = false;
    }
  }
}

/** A whole number that may be left out. */
function number(
  name: string,
  label: string,
  value: number | null | undefined,
  least: number,
  most: number,
): TemplateResult {
  return html`<div class="field">
    <label class="field__label" for="policy-${name}">${label}</label>
    <input
      id="policy-${name}"
      name=${name}
      class="input"
      type="number"
      min=${least}
      max=${most}
      step="1"
      placeholder=${msg("as each agent")}
      .value=${value == null ? "" : String(value)}
    />
  </div>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-policy-page": PolicyPage;
  }
}
