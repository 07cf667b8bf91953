/**
 * Tries a model or an agent as a program would: over `/v1`, with a key of its own.
 *
 * The key is made with the first question, lives for an hour at most, is revoked when the page is
 * left, and is never shown.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { isAbort, problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { shownDollars, shownNumber } from "../gateway/amounts";
import { ask, Refused } from "../gateway/asking";
import type { ChatMessage, ChatRequest, ChatUsage, Role } from "../gateway/asking";
import "../gateway/code-sample";
import { GatewayApi } from "../gateway/gateway-api";
import type { Call, MadeKey } from "../gateway/gateway-api";
import "../styles/gateway.css";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";

const KEY_LIFE_MS = 3_600_000;
const ROLES: readonly Role[] = ["system", "user", "assistant"];
// Calls are recorded in groups, some times a second.
const LOOKS = 10;
const LOOK_MS = 200;

interface Answer {
  text: string;
  firstMs: number | null;
  wholeMs: number | null;
  usage: ChatUsage | null;
  call: Call | null;
}

function roleName(role: Role): string {
  switch (role) {
    case "system":
      return msg("Instructions");
    case "user":
      return msg("You");
    case "assistant":
      return msg("Model");
  }
}

@customElement("soma-playground-page")
export class PlaygroundPage extends LightElement {
  @state() private models: readonly string[] | null = null;
  @state() private problem: Problem | null = null;
  @state() private refusal = "";
  @state() private model = "default";
  @state() private messages: readonly ChatMessage[] = [{ role: "user", content: "" }];
  @state() private temperature = "";
  @state() private maxTokens = "";
  @state() private answer: Answer | null = null;
  @state() private running: AbortController | null = null;
  @query("[data-testid=send]") private readonly sendButton!: HTMLElement | null;
  #api!: GatewayApi;
  #key: MadeKey | null = null;
  // The call that was shown last.
  #seen = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    document.title = `${msg("Playground")} · SomaAgent`;
    addEventListener("pagehide", this.#leave);
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("pagehide", this.#leave);
    this.#leave();
  }

  readonly #leave = (): void => {
    this.running?.abort();
    if (this.#key !== null) void this.#api.revokeKey(this.#key.key.id, true).catch(() => undefined);
    this.#key = null;
  };

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Playground")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="playground">
        <p class="hint">
          ${msg("Asks as a program does, with your rights and your budgets; it is recorded like any other call.")}
        </p>
        ${this.#body()}
      </main>`;
  }

  #body(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.models === null) return skeleton(5, msg("Loading models…"));
    if (this.models.length === 0) {
      return emptyView(
        msg("There is no model yet"),
        msg("An administrator of the platform adds one on the page Models."),
      );
    }
    return html`${this.#form(this.models)} ${this.#answer()}
      <soma-code-sample heading=${msg("The same as code")} .request=${this.#request()}></soma-code-sample>`;
  }

  #form(models: readonly string[]): TemplateResult {
    return html`<form class="form" @submit=${(event: SubmitEvent) => void this.#send(event)}>
      <div class="gateway__controls">
        <label class="field">
          <span class="field__label">${msg("Model or agent")}</span>
          <select
            class="input"
            name="model"
            @change=${(event: Event) => {
              this.model = (event.target as HTMLSelectElement).value;
            }}
          >
            ${models.map((one) => html`<option value=${one} ?selected=${one === this.model}>${one}</option>`)}
          </select>
        </label>
        ${this.#number("temperature", msg("Temperature"), this.temperature, "0.1", "2")}
        ${this.#number("maxTokens", msg("Longest answer (tokens)"), this.maxTokens, "1", "1000000")}
      </div>
      ${this.messages.map((message, place) => this.#message(message, place))}
      <div class="row">
        <button
          type="button"
          class="button"
          @click=${() => {
            const last = this.messages.at(-1)?.role;
            this.messages = [...this.messages, { role: last === "user" ? "assistant" : "user", content: "" }];
          }}
        >
          ${msg("Add a message")}
        </button>
        ${this.running === null
          ? html`<button type="submit" class="button button--primary" data-testid="send">${msg("Send")}</button>`
          : html`<button type="button" class="button button--danger" @click=${() => { this.running?.abort(); }}>
              ${msg("Stop")}
            </button>`}
      </div>
    </form>`;
  }

  #message(message: ChatMessage, place: number): TemplateResult {
    const change = (changed: Partial<ChatMessage>): void => {
      this.messages = this.messages.map((one, at) => (at === place ? { ...one, ...changed } : one));
    };
    const number = place + 1;
    return html`<div class="playground__message">
      <select
        class="input"
        aria-label=${msg(str`Whose is message ${number}`)}
        @change=${(event: Event) => {
          change({ role: (event.target as HTMLSelectElement).value as Role });
        }}
      >
        ${ROLES.map((role) => html`<option value=${role} ?selected=${role === message.role}>${roleName(role)}</option>`)}
      </select>
      <textarea
        class="input"
        rows="2"
        required
        aria-label=${msg(str`Message ${number}`)}
        .value=${message.content}
        @input=${(event: Event) => {
          change({ content: (event.target as HTMLTextAreaElement).value });
        }}
      ></textarea>
      ${this.messages.length === 1
        ? nothing
        : html`<button
            type="button"
            class="button button--small"
            aria-label=${msg(str`Remove message ${number}`)}
            @click=${() => {
              this.messages = this.messages.filter((_, at) => at !== place);
            }}
          >
            ${msg("Remove")}
          </button>`}
    </div>`;
  }

  #number(
    name: "temperature" | "maxTokens",
    label: string,
    value: string,
    step: string,
    most: string,
  ): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${label}</span>
      <input
        class="input"
        type="number"
        min=${name === "temperature" ? "0" : "1"}
        max=${most}
        step=${step}
        placeholder=${msg("as the model")}
        .value=${value}
        @input=${(event: Event) => {
          this[name] = (event.target as HTMLInputElement).value;
        }}
      />
    </label>`;
  }

  #answer(): TemplateResult {
    const { answer } = this;
    return html`<section aria-labelledby="answer-title" aria-busy=${String(this.running !== null)}>
      <h2 id="answer-title" class="gateway__title">${msg("Answer")}</h2>
      ${this.refusal === ""
        ? nothing
        : html`<p class="notice" role="alert" data-testid="refusal">${this.refusal}</p>`}
      ${answer === null
        ? html`<p class="hint">${msg("What is answered appears here as it comes.")}</p>`
        : html`<div class="card playground__answer" data-testid="answer">${answer.text}</div>
            ${this.#facts(answer)}`}
    </section>`;
  }

  #facts({ firstMs, wholeMs, usage, call }: Answer): TemplateResult {
    const fact = (name: string, value: string | null): TemplateResult | typeof nothing =>
      value === null ? nothing : html`<div class="gateway__total"><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`<dl class="gateway__totals" data-testid="facts">
      ${fact(msg("First word"), firstMs === null ? null : msg(str`${firstMs} ms`))}
      ${fact(msg("Whole"), wholeMs === null ? null : msg(str`${wholeMs} ms`))}
      ${fact(msg("Tokens in"), usage === null ? null : shownNumber(usage.prompt_tokens))}
      ${fact(msg("Tokens out"), usage === null ? null : shownNumber(usage.completion_tokens))}
      ${fact(msg("Cost"), call === null ? null : shownDollars(call.cost_micros))}
      ${fact(msg("From"), usage?.cached === true ? msg("an earlier answer") : null)}
    </dl>`;
  }

  #request(): ChatRequest {
    return {
      model: this.model,
      messages: this.messages,
      ...(this.temperature === "" ? {} : { temperature: Number(this.temperature) }),
      ...(this.maxTokens === "" ? {} : { max_tokens: Number(this.maxTokens) }),
    };
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      const [models, agents] = await Promise.all([this.#api.models(), this.services.api.agents()]);
      const names = new Set(models.items.map(({ name }) => name));
      this.models =
        names.size === 0 ? [] : ["default", ...names, ...agents.items.map(({ slug }) => `agent/${slug}`)];
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.running !== null) return;
    const running = (this.running = new AbortController());
    this.refusal = "";
    this.answer = { text: "", firstMs: null, wholeMs: null, usage: null, call: null };
    const began = performance.now();
    const passed = (): number => Math.round(performance.now() - began);
    try {
      this.#key ??= await this.#makeKey();
      for await (const { text, usage } of ask("/v1", this.#key.secret, this.#request(), running.signal)) {
        if (text !== undefined) {
          this.#add({ text: this.answer.text + text, firstMs: this.answer.firstMs ?? passed() });
        }
        if (usage !== undefined) this.#add({ usage });
      }
      this.#add({ wholeMs: passed() });
      this.services.announcer.say(msg("The answer is whole."));
    } catch (failure) {
      this.refusal = this.#words(failure);
    } finally {
      this.running = null;
    }
    await this.updateComplete;
    this.sendButton?.focus();
    this.#add({ call: await this.#recorded() });
  }

  #add(more: Partial<Answer>): void {
    if (this.answer !== null) this.answer = { ...this.answer, ...more };
  }

  #words(failure: unknown): string {
    if (isAbort(failure)) return msg("Stopped. What was said until then is paid for.");
    if (failure instanceof Refused) return failure.message;
    const problem = problemOf(failure);
    return problem.detail === "" ? problem.title : problem.detail;
  }

  async #makeKey(): Promise<MadeKey> {
    const ends = new Date(Date.now() + KEY_LIFE_MS).toISOString();
    return await this.#api.makeKey({ name: msg("Playground"), kind: "personal", expires_at: ends });
  }

  /** The call as the ledger has it; null when it is not there in time. */
  async #recorded(): Promise<Call | null> {
    for (let look = 0; look < LOOKS && this.isConnected; look += 1) {
      const { items } = await this.#api.calls();
      const found = items.find((call) => call.key_id === this.#key?.key.id);
      if (found !== undefined && found.id !== this.#seen) {
        this.#seen = found.id;
        return found;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-playground-page": PlaygroundPage;
  }
}
