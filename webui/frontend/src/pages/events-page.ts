/**
 * How events are delivered, for administrators of the platform: what waits by topic, and the dead
 * letters, which can be tried again or deleted for ever. Content of events is never shown.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { EventsApi } from "../health/events-api";
import type { EventStats, Letter, TopicStanding } from "../health/events-api";
import { StoreController } from "../store";
import "../styles/health.css";
import "../styles/memory.css";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { dialogActs } from "../ui/dialog-acts";
import { problemView, reservedView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

const REFRESH_MS = 5_000;
const LEAST_REASON = 3;

@customElement("soma-events-page")
export class EventsPage extends LightElement {
  @state() private stats: EventStats | null = null;
  @state() private letters: Letter[] = [];
  @state() private next: string | null = null;
  @state() private problem: Problem | null = null;
  @state() private discarding: Letter | null = null;
  @state() private reason = "";
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: EventsApi;
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new EventsApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Events")} · SomaAgent`;
    if (!this.services.session.isPlatformAdmin) return;
    void this.#load();
    this.#timer = setInterval(() => {
      // Whoever has turned pages of letters is not thrown back to the first.
      if (document.visibilityState === "visible" && !this.#busy.now) void this.#loadStats();
    }, REFRESH_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Events")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="events-page">${this.#body()}</main>`;
  }

  #body(): TemplateResult {
    if (!this.services.session.isPlatformAdmin) {
      return reservedView(
        msg("This page is for administrators of the platform"),
        msg("Nothing that you said is lost: what waits is delivered by itself."),
      );
    }
    const { stats } = this;
    if (stats === null) {
      return this.problem === null
        ? skeleton(5, msg("Loading the state of delivery…"))
        : problemView(this.problem, () => void this.#load());
    }
    return html`
      ${this.problem === null ? nothing : problemView(this.problem, () => void this.#load())}
      <p class="health__level" data-testid="delivery">
        <strong>${deliverySentence(stats)}</strong>
        ${stats.dead === 0
          ? nothing
          : html`<span class="health__state health__state--down">
              ${stats.dead === 1 ? msg("One event gave up") : msg(str`${stats.dead} events gave up`)}
            </span>`}
        <span class="health__since">${busSentence(stats)}</span>
      </p>
      <section aria-labelledby="topics-title">
        <h2 id="topics-title" class="health__title">${msg("Topics")}</h2>
        <div class="table-scroll" tabindex="0" role="group" aria-labelledby="topics-title">
          <table class="table" data-testid="topics">
            <thead>
              <tr>
                <th scope="col">${msg("Topic")}</th>
                <th scope="col" class="table__number">${msg("Waiting")}</th>
                <th scope="col" class="table__number">${msg("On the bus")}</th>
                <th scope="col" class="table__number">${msg("Oldest")}</th>
                <th scope="col" class="table__number">${msg("Dead letters")}</th>
              </tr>
            </thead>
            <tbody>
              ${repeat(stats.by_topic, ({ topic }) => topic, topicRow)}
            </tbody>
          </table>
        </div>
      </section>
      ${this.#deadLetters(stats)} ${this.#dialog()}
    `;
  }

  #deadLetters(stats: EventStats): TemplateResult {
    return html`<section aria-labelledby="letters-title">
      <h2 id="letters-title" class="health__title">${msg("Dead letters")}</h2>
      <p class="hint">
        ${msg("Events that no consumer could take, after five tries or because nobody can read them. They stay until they are tried again or discarded; both are in the audit log.")}
      </p>
      ${stats.dead === 0
        ? html`<p class="hint" data-testid="no-letters">${msg("There are none.")}</p>`
        : html`<div class="row health__acts">
              <button
                type="button"
                class="button"
                ?disabled=${this.#busy.now}
                @click=${() => void this.#replay(null)}
              >
                ${stats.dead === 1 ? msg("Try it again") : msg(str`Try all ${stats.dead} again`)}
              </button>
            </div>
            <ul class="health__services" data-testid="letters">
              ${repeat(this.letters, ({ id }) => id, (one) => this.#letter(one))}
            </ul>
            ${this.next === null
              ? nothing
              : html`<button
                  type="button"
                  class="button"
                  ?disabled=${this.#busy.now}
                  @click=${() => void this.#more()}
                >
                  ${msg("Show older ones")}
                </button>`}`}
    </section>`;
  }

  #letter(letter: Letter): TemplateResult {
    return html`<li class="health__row health__row--letter" data-letter=${letter.id}>
      <span class="health__name">${letter.type} <span class="tag">v${letter.version}</span></span>
      <span class="health__state health__state--down">${letter.reason}</span>
      <span class="health__since" title=${exactTime(letter.dead_at)}>
        ${msg(str`Gave up ${clockTime(letter.dead_at)}, ${dayOf(letter.dead_at)}, after ${letter.attempts} tries`)}
      </span>
      <span class="row">
        <button
          type="button"
          class="button button--small"
          aria-label=${msg(str`Try again: ${letter.type} of ${clockTime(letter.emitted_at)}`)}
          ?disabled=${this.#busy.now}
          @click=${() => void this.#replay([letter.id])}
        >
          ${msg("Try again")}
        </button>
        <button
          type="button"
          class="button button--small button--danger"
          aria-label=${msg(str`Discard: ${letter.type} of ${clockTime(letter.emitted_at)}`)}
          ?disabled=${this.#busy.now}
          @click=${() => void this.#ask(letter)}
        >
          ${msg("Discard")}
        </button>
      </span>
      <p class="health__detail">${msg(str`Tenant ${letter.tenant_id}, key ${letter.key}`)}</p>
    </li>`;
  }

  #dialog(): TemplateResult {
    const letter = this.discarding;
    return html`<dialog
      class="dialog"
      aria-labelledby="discard-title"
      data-testid="discard-dialog"
      @close=${() => {
        this.discarding = null;
      }}
    >
      ${letter === null
        ? nothing
        : html`<form @submit=${(event: Event) => void this.#discard(event, letter)}>
            <h2 class="card__title" id="discard-title">${msg(str`Discard ${letter.type}?`)}</h2>
            <p>
              ${msg("What should have followed from it never will. This cannot be undone; the audit log keeps who did it and why.")}
            </p>
            <label class="field">
              <span class="field__label">${msg("Reason")}</span>
              <input
                class="input"
                autocomplete="off"
                maxlength="300"
                .value=${this.reason}
                @input=${(event: InputEvent) => {
                  this.reason = (event.target as HTMLInputElement).value;
                }}
              />
            </label>
            ${dialogActs(
              msg("Discard for ever"),
              msg("Keep"),
              this.#busy.now || this.reason.trim().length < LEAST_REASON,
              "danger",
            )}
          </form>`}
    </dialog>`;
  }

  async #load(): Promise<void> {
    await this.#loadStats();
    await this.#loadLetters();
  }

  async #loadStats(): Promise<void> {
    const before = this.stats?.dead ?? 0;
    try {
      this.stats = await this.#api.stats();
      this.problem = null;
    } catch (error) {
      this.problem = problemOf(error);
      return;
    }
    if (this.stats.dead !== before) await this.#loadLetters();
  }

  async #loadLetters(): Promise<void> {
    try {
      const page = await this.#api.letters(null);
      this.letters = page.items;
      this.next = page.next;
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  #more(): Promise<void> {
    return this.#busy.run(async () => {
      const page = await this.#api.letters(this.next);
      this.letters = [...this.letters, ...page.items];
      this.next = page.next;
    });
  }

  #replay(ids: string[] | null): Promise<void> {
    return this.#busy.run(async () => {
      const count = await this.#api.replay(ids);
      this.services.toasts.say(
        count === 1 ? msg("One event is tried again.") : msg(str`${count} events are tried again.`),
      );
      await this.#load();
    });
  }

  async #ask(letter: Letter): Promise<void> {
    this.reason = "";
    this.discarding = letter;
    await this.updateComplete;
    this.dialog.showModal();
  }

  #discard(event: Event, letter: Letter): Promise<void> {
    event.preventDefault();
    return this.#busy.run(async () => {
      await this.#api.discard([letter.id], this.reason.trim());
      this.dialog.close();
      this.services.toasts.say(msg(str`${letter.type} is discarded.`));
      await this.#load();
    });
  }
}

function deliverySentence(stats: EventStats): string {
  const pending = stats.waiting + (stats.on_bus ?? 0);
  if (pending === 0) return stats.dead === 0 ? msg("Everything is delivered") : msg("Nothing waits");
  return pending === 1 ? msg("One event waits") : msg(str`${pending} events wait`);
}

function busSentence(stats: EventStats): string {
  return stats.on_bus === null ? msg("The bus cannot be reached; the outbox holds what comes.") : "";
}

function topicRow(one: TopicStanding): TemplateResult {
  return html`<tr data-topic=${one.topic}>
    <th scope="row">${one.topic}</th>
    <td class="table__number">${one.waiting}</td>
    <td class="table__number">${one.on_bus ?? msg("not known")}</td>
    <td class="table__number">
      ${one.waiting + (one.on_bus ?? 0) === 0 ? "–" : msg(str`${one.lag_s.toFixed(1)} s`)}
    </td>
    <td class="table__number">${one.dead}</td>
  </tr>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-events-page": EventsPage;
  }
}
