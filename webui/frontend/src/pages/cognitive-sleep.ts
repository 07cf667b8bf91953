/** Sleep of an agent: start a cycle or a dry run, follow it, wake it, read what it changed. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { CognitiveApi } from "../memory/cognitive-api";
import { actName, cycleStateName, sleepName } from "../memory/cognitive-words";
import type { SleepCycle, SleepHistory, SleepOrder } from "../memory/types";
import { memoryPath } from "../router/routes";
import { LightElement } from "../ui/light-element";
import { problemView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

type Depth = SleepOrder["depth"];
const DEPTHS: readonly Depth[] = ["light", "deep", "freeze"];
const POLL_MS = 1_000;
const SHOWN_CYCLES = 10;
const SHOWN_CHANGES = 50;

function depthText(depth: Depth): string {
  switch (depth) {
    case "light":
      return msg("Light: replay and strengthen");
    case "deep":
      return msg("Deep: also merge doubles and draw facts");
    case "freeze":
      return msg("To the end: also prune what was derived and is no longer used");
  }
}

@customElement("soma-cognitive-sleep")
export class CognitiveSleep extends LightElement {
  @property({ attribute: false }) agentId = "";
  @state() private history: SleepHistory | null = null;
  @state() private problem: Problem | null = null;
  @state() private startProblem: Problem | null = null;
  @state() private depth: Depth = "deep";
  @state() private dryRun = true;
  @state() private seconds = 300;
  @state() private busy = false;
  @query(".sleep__wake") private readonly wakeButton!: HTMLElement | null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  get #api(): CognitiveApi {
    return new CognitiveApi(this.services.http, this.agentId);
  }

  protected override render(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#look());
    if (this.history === null) return skeleton(3, msg("Loading sleep cycles…"));
    const { current, history } = this.history;
    return html`${current === null ? this.#form() : this.#running(current)}
    ${history.length === 0
      ? html`<p class="muted">${msg("This agent has not slept yet.")}</p>`
      : html`<h3 class="sleep__title">${msg("Earlier cycles")}</h3>
          <ul class="cycles">
            ${repeat(
              history,
              ({ cycle_id: id }) => id,
              (cycle, index) => html`<li>${this.#past(cycle, index === 0)}</li>`,
            )}
          </ul>`}`;
  }

  #form(): TemplateResult {
    return html`<form class="sleep" @submit=${(event: Event) => void this.#start(event)}>
      <p class="muted">
        ${msg("In sleep the agent goes through what it remembers of you. Nothing that was said is ever deleted by it.")}
      </p>
      <div class="sleep__fields">
        <label class="field">
          <span class="field__label">${msg("How deep")}</span>
          <select
            class="input"
            @change=${(event: Event) => {
              const chosen = (event.target as HTMLSelectElement).value;
              this.depth = DEPTHS.find((depth) => depth === chosen) ?? "deep";
            }}
          >
            ${DEPTHS.map(
              (depth) => html`<option value=${depth} .selected=${depth === this.depth}>${depthText(depth)}</option>`,
            )}
          </select>
        </label>
        <label class="field">
          <span class="field__label">${msg("At most, in seconds")}</span>
          <input
            class="input"
            type="number"
            min="1"
            max="3600"
            required
            .value=${String(this.seconds)}
            @input=${(event: InputEvent) => {
              this.seconds = (event.target as HTMLInputElement).valueAsNumber;
            }}
          />
        </label>
      </div>
      <label class="check">
        <input
          type="checkbox"
          .checked=${this.dryRun}
          @change=${(event: Event) => {
            this.dryRun = (event.target as HTMLInputElement).checked;
          }}
        />
        <span>${msg("Dry run: only show what would change")}</span>
      </label>
      ${this.startProblem === null ? nothing : problemView(this.startProblem)}
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.busy}>
          ${this.dryRun ? msg("Start dry run") : msg("Let it sleep")}
        </button>
      </div>
    </form>`;
  }

  #running(cycle: SleepCycle): TemplateResult {
    const what = cycle.is_dry_run ? msg("Dry run") : msg("Sleep cycle");
    return html`<div class="sleep" data-testid="sleep-running">
      <p role="status">
        ${what}: ${cycleStateName(cycle.state)}${cycle.state === "running" ? msg(str`, in ${sleepName(cycle.sleep)}`) : ""}
      </p>
      <div class="progress">
        ${cycle.total === 0
          ? html`<progress class="progress__bar" aria-label=${what}></progress>`
          : html`<progress class="progress__bar" aria-label=${what} max=${cycle.total} value=${cycle.done}></progress>
              <span class="muted">${msg(str`${cycle.done} of ${cycle.total} steps`)}</span>`}
      </div>
      ${this.#counts(cycle)}
      ${this.startProblem === null ? nothing : problemView(this.startProblem)}
      <div class="row">
        <button type="button" class="button sleep__wake" ?disabled=${this.busy} @click=${() => void this.#wake()}>
          ${msg("Wake it")}
        </button>
      </div>
    </div>`;
  }

  #counts(cycle: SleepCycle): TemplateResult | typeof nothing {
    const counts = Object.entries(cycle.counts).filter(([, count]) => count > 0);
    if (counts.length === 0) return nothing;
    return html`<ul class="counts">
      ${counts.map(([act, count]) => html`<li class="tag">${count} ${actName(act)}</li>`)}
    </ul>`;
  }

  #past(cycle: SleepCycle, isNewest: boolean): TemplateResult {
    const when = `${dayOf(cycle.started_at)}, ${clockTime(cycle.started_at)}`;
    const kind = cycle.is_dry_run ? msg("Dry run") : msg("Slept");
    return html`<details class="cycle" data-testid="sleep-cycle" ?open=${isNewest}>
      <summary>
        <span>${kind}, ${cycleStateName(cycle.state)}</span>
        <time class="muted" datetime=${cycle.started_at} title=${exactTime(cycle.started_at)}>${when}</time>
      </summary>
      ${cycle.error === "" ? nothing : html`<p class="field__error">${cycle.error}</p>`} ${this.#counts(cycle)}
      ${cycle.changes.length === 0
        ? html`<p class="muted">
            ${cycle.is_dry_run ? msg("Nothing would have changed.") : msg("Nothing was changed.")}
          </p>`
        : html`<ul class="changes">
            ${cycle.changes.slice(-SHOWN_CHANGES).map(
              (change) => html`<li>
                <span class="tag">${actName(change.act)}</span>
                <span>${change.detail}</span>
                ${change.memory_ids[0] === undefined
                  ? nothing
                  : html`<a href=${memoryPath(change.memory_ids[0])} aria-label=${msg(str`Memory of: ${change.detail}`)}
                      >${msg("Memory")}</a
                    >`}
              </li>`,
            )}
          </ul>`}
    </details>`;
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    this.problem = null;
    const before = this.history?.current ?? null;
    try {
      this.history = await this.#api.sleepHistory(SHOWN_CYCLES);
    } catch (failure) {
      this.problem = problemOf(failure);
      return;
    }
    const { current } = this.history;
    const hadFocus = this.contains(document.activeElement);
    await this.updateComplete;
    if (hadFocus && !this.contains(document.activeElement)) {
      this.querySelector<HTMLElement>("[type=submit], .sleep__wake")?.focus();
    }
    if (before !== null && current === null) {
      this.services.announcer.say(msg("The sleep cycle has ended."));
      this.dispatchEvent(new CustomEvent("cycle-ended"));
    }
    if (current !== null && this.isConnected) {
      this.#timer = setTimeout(() => void this.#look(), POLL_MS);
    }
  }

  async #start(event: Event): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.startProblem = null;
    try {
      const cycle = await this.#api.sleep({
        depth: this.depth,
        dry_run: this.dryRun,
        max_seconds: this.seconds,
      });
      this.history = { current: cycle, history: this.history?.history ?? [] };
      // What is disabled cannot take the focus.
      this.busy = false;
      await this.updateComplete;
      this.wakeButton?.focus();
      await this.#look();
    } catch (failure) {
      this.startProblem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }

  async #wake(): Promise<void> {
    this.busy = true;
    this.startProblem = null;
    try {
      await this.#api.wake();
      await this.#look();
    } catch (failure) {
      this.startProblem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-cognitive-sleep": CognitiveSleep;
  }
}
