/** Whether an answer serves the same question again, and for how long (administrators). */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { nothing, TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { problemOf } from "../api/http";
import { GatewayApi } from "../gateway/gateway-api";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";

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
  readonly #lifeS = new Loaded(this, async () => (await this.#api.callPolicy()).cache_s);

  get #api(): GatewayApi {
    return new GatewayApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.#lifeS.view((lifeS) => this.#choice(lifeS));
  }

  #choice(lifeS: number): TemplateResult {
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

  async #save(event: Event): Promise<void> {
    const choice = event.target as HTMLSelectElement;
    try {
      this.#lifeS.show((await this.#api.setCallPolicy({ cache_s: Number(choice.value) })).cache_s);
      this.services.toasts.say(msg("Saved. It holds from the next call on."));
    } catch (failure) {
      choice.value = String(this.#lifeS.value);
      this.services.toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-answer-cache": AnswerCache;
  }
}
