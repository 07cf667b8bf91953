/** Whether an answer serves the same question again, and for how long (administrators). */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { GatewayApi } from "../gateway/gateway-api";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

const LIVES_S = [0, 300, 3_600, 86_400, 604_800] as const;

function lifeName(seconds: number): string {
  switch (seconds) {
    case 0:
      return msg("never: each question is asked");
    case 300:
      return msg("for five minutes");
    case 3_600:
      return msg("for an hour");
    case 86_400:
      return msg("for a day");
    case 604_800:
      return msg("for a week");
    default:
      return `${seconds.toLocaleString()} s`;
  }
}

@customElement("soma-answer-cache")
export class AnswerCache extends LightElement {
  @state() private lifeS: number | null = null;
  @state() private problem: Problem | null = null;
  #api!: GatewayApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    void this.#load();
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    const { lifeS } = this;
    if (lifeS === null) return nothing;
    const lives = new Set<number>([...LIVES_S, lifeS]);
    return html`<section aria-labelledby="cache-title">
      <h2 id="cache-title" class="gateway__title">${msg("Earlier answers")}</h2>
      <label class="field">
        <span class="field__label">${msg("Answer the same question again without asking a model")}</span>
        <select class="input" name="cache" @change=${(event: Event) => void this.#save(event)}>
          ${[...lives].map(
            (one) => html`<option value=${one} ?selected=${one === lifeS}>${lifeName(one)}</option>`,
          )}
        </select>
        <span class="field__hint">
          ${msg("For programs that send exactly the same request. Such a call is recorded and costs nothing; whoever of the organisation asks the same is given the same.")}
        </span>
      </label>
    </section>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.lifeS = (await this.#api.callPolicy()).cache_s;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #save(event: Event): Promise<void> {
    const choice = event.target as HTMLSelectElement;
    try {
      this.lifeS = (await this.#api.setCallPolicy({ cache_s: Number(choice.value) })).cache_s;
      this.services.toasts.say(msg("Saved. It holds from the next call on."));
    } catch (failure) {
      choice.value = String(this.lifeS);
      this.services.toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-answer-cache": AnswerCache;
  }
}
