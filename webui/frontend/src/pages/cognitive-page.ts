/**
 * Training an agent: its levels, what it has learnt, its sleep. Every change is kept with its
 * reason and can be taken back.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Agent, Problem } from "../api/types";
import { CognitiveApi } from "../memory/cognitive-api";
import type { Change } from "../memory/cognitive-api";
import { causeName, sleepName } from "../memory/cognitive-words";
import { pointsOf, stepsBack } from "../memory/learning";
import type { Adaptation, Parameter } from "../memory/types";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/cognitive.css";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";
import { dayOf, clockTime, exactTime } from "../ui/times";
import "./cognitive-adjust";
import type { CognitiveAdjust } from "./cognitive-adjust";
import { curvesView } from "./cognitive-curves";
import { gaugesView } from "./cognitive-gauges";
import "./cognitive-sleep";

const KEPT_CHANGES = 60;
const SHOWN_CHANGES = 12;
const LOOK_EVERY_MS = 20_000;

@customElement("soma-cognitive-page")
export class CognitivePage extends LightElement {
  @property({ attribute: false }) agentId = "";
  @state() private agent: Agent | null = null;
  @state() private parameters: readonly Parameter[] | null = null;
  @state() private adaptation: Adaptation | null = null;
  @state() private sleep = "active";
  @state() private problem: Problem | null = null;
  @state() private changeProblem: Problem | null = null;
  @state() private busy = false;
  @state() private showsAll = false;
  @query("soma-cognitive-adjust") private readonly adjust!: CognitiveAdjust | null;
  readonly #session = new StoreController(this);
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#session.follow(this.services.session);
    document.title = `${msg("Training")} · SomaAgent`;
    this.#timer = setInterval(() => {
      // Levels move by themselves; a change that is being prepared is left alone.
      const isReading = document.visibilityState === "visible" && this.adjust?.isTouched === false;
      if (isReading && !this.busy) void this.#look();
    }, LOOK_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("agentId") && this.#mayTrain) {
      this.parameters = null;
      this.adaptation = null;
      void this.#load();
    }
  }

  get #mayTrain(): boolean {
    // The server decides for each agent; here it is known who could be allowed at all.
    return this.services.session.may("tenant.administrate");
  }

  get #api(): CognitiveApi {
    return new CognitiveApi(this.services.http, this.agentId);
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">
          ${this.agent === null ? msg("Training") : msg(str`Training ${this.agent.name}`)}
        </h1>
        <div class="page__act row"><a class="button button--quiet" href="/agents">${msg("All agents")}</a></div>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="cognitive-page">${this.#body()}</main>`;
  }

  #body(): TemplateResult {
    if (!this.#mayTrain) {
      return emptyView(
        msg("This page is for those who train agents"),
        msg("Administrators of your organisation can."),
        html`<a class="button" href="/agents">${msg("All agents")}</a>`,
      );
    }
    if (this.problem?.code === "capability-absent") {
      return emptyView(
        msg("The connected brain has no levels to show"),
        msg("It remembers and recalls, but it does not learn or sleep."),
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    const { parameters, adaptation } = this;
    if (parameters === null || adaptation === null) return skeleton(8, msg("Loading levels and weights…"));
    const points = pointsOf(adaptation);
    return html`
      <section class="card" aria-labelledby="levels">
        <div class="card__head">
          <h2 class="card__title" id="levels">${msg("Levels")}</h2>
          <span class="tag">${sleepName(this.sleep)}</span>
        </div>
        ${gaugesView(parameters, points)}
      </section>
      <section class="card" aria-labelledby="curves">
        <h2 class="card__title" id="curves">${msg("What it has learnt")}</h2>
        <p class="muted">${this.#learnt(adaptation)}</p>
        ${curvesView(parameters, points)}
      </section>
      <section class="card" aria-labelledby="adjust">
        <h2 class="card__title" id="adjust">${msg("Set by hand")}</h2>
        <soma-cognitive-adjust
          .parameters=${parameters}
          .busy=${this.busy}
          .problem=${this.changeProblem}
          @apply-change=${({ detail }: CustomEvent<Change>) => void this.#apply(detail)}
        ></soma-cognitive-adjust>
      </section>
      <section class="card" aria-labelledby="history">
        <h2 class="card__title" id="history">${msg("Changes")}</h2>
        ${this.#history(adaptation)}
      </section>
      <section class="card" aria-labelledby="sleep">
        <h2 class="card__title" id="sleep">${msg("Sleep")}</h2>
        <soma-cognitive-sleep .agentId=${this.agentId} @cycle-ended=${() => void this.#look()}></soma-cognitive-sleep>
      </section>
    `;
  }

  #learnt({ feedback_count: count, learning_rate: rate }: Adaptation): string {
    const shown = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 }).format(rate);
    return count === 1
      ? msg(str`1 piece of feedback so far. It learns at a rate of ${shown} at the present level of dopamine.`)
      : msg(str`${count} pieces of feedback so far. It learns at a rate of ${shown} at the present level of dopamine.`);
  }

  #history({ history }: Adaptation): TemplateResult {
    if (history.length === 0) return html`<p class="muted">${msg("Nothing has changed yet.")}</p>`;
    const shown = this.showsAll ? history : history.slice(0, SHOWN_CHANGES);
    return html`<ol class="changes" data-testid="changes">
        ${shown.map((one, index) => {
          const steps = stepsBack(history, index);
          return html`<li class="change" ?data-undone=${one.is_undone}>
            <span class="change__what">
              <strong>${causeName(one.cause)}</strong>
              ${one.reason === "" ? nothing : html`<span>${one.reason}</span>`}
            </span>
            <time class="muted" datetime=${one.at} title=${exactTime(one.at)}
              >${dayOf(one.at)}, ${clockTime(one.at)}</time
            >
            ${steps === 0
              ? html`<span class="muted">${one.cause === "rollback" ? nothing : msg("taken back")}</span>`
              : html`<button
                  type="button"
                  class="button button--small"
                  ?disabled=${this.busy}
                  aria-label=${steps === 1
                    ? msg("Take back the newest change")
                    : msg(str`Take back the newest ${steps} changes`)}
                  @click=${() => void this.#rollBack(steps)}
                >
                  ${steps === 1 ? msg("Take back") : msg("Back to before this")}
                </button>`}
          </li>`;
        })}
      </ol>
      <div class="row">
        ${history.length > SHOWN_CHANGES && !this.showsAll
          ? html`<button
              type="button"
              class="button button--small"
              @click=${() => {
                this.showsAll = true;
              }}
            >
              ${msg("Show all")}
            </button>`
          : nothing}
        <button type="button" class="button button--small" ?disabled=${this.busy} @click=${() => void this.#reset()}>
          ${msg("Put everything back to the start")}
        </button>
      </div>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    const { api } = this.services;
    try {
      const [agents] = await Promise.all([api.agents(), this.#read()]);
      this.agent = agents.items.find(({ id }) => id === this.agentId) ?? null;
      if (this.agent !== null) document.title = `${msg(str`Training ${this.agent.name}`)} · SomaAgent`;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #read(): Promise<void> {
    const api = this.#api;
    const [state, parameters, adaptation] = await Promise.all([
      api.state(),
      api.parameters(),
      api.adaptation(KEPT_CHANGES),
    ]);
    this.sleep = state.sleep;
    this.parameters = parameters;
    this.adaptation = adaptation;
  }

  /** Reads again without taking away what is shown. */
  async #look(): Promise<void> {
    try {
      await this.#read();
    } catch {
      // What is shown stays; the next look may succeed.
    }
  }

  async #apply(change: Change): Promise<void> {
    const done = await this.#change(() => this.#api.adjust(change));
    if (!done) return;
    this.adjust?.applied();
    this.services.toasts.say(msg("Changed."), () => void this.#rollBack(1));
  }

  async #rollBack(steps: number): Promise<void> {
    const done = await this.#change(() => this.#api.rollback(steps, ""));
    if (done) {
      this.services.toasts.say(
        steps === 1 ? msg("The newest change was taken back.") : msg(str`${steps} changes were taken back.`),
      );
    }
  }

  async #reset(): Promise<void> {
    const done = await this.#change(() => this.#api.reset(""));
    if (done) this.services.toasts.say(msg("Everything is at its start again."), () => void this.#rollBack(1));
  }

  async #change(ask: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.changeProblem = null;
    const focused = document.activeElement;
    try {
      await ask();
      await this.#look();
      return true;
    } catch (failure) {
      this.changeProblem = problemOf(failure);
      return false;
    } finally {
      this.busy = false;
      await this.updateComplete;
      const isLost = document.activeElement === document.body || document.activeElement === null;
      if (isLost) {
        const target = focused instanceof HTMLElement && focused.isConnected ? focused : null;
        target?.focus();
        if (document.activeElement === document.body) this.querySelector<HTMLElement>("#main")?.focus();
      }
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-cognitive-page": CognitivePage;
  }
}
