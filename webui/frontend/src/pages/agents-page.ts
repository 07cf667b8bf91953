/** The agents of the organisation: their names, instructions and models. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Agent, Model, Problem } from "../api/types";
import { RULES, trainingPath } from "../router/routes";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import "./agent-knobs";
import type { AgentKnobs } from "./agent-knobs";
import { emptyView, problemView, skeleton } from "../ui/states";

const LONGEST_NAME = 100;

@customElement("soma-agents-page")
export class AgentsPage extends LightElement {
  /** The agent that is edited, `new`, or null for the list alone. */
  @property({ attribute: false }) agentId: string | null = null;
  @state() private agents: readonly Agent[] | null = null;
  @state() private models: readonly Model[] | null = null;
  @state() private problem: Problem | null = null;
  @state() private modelsProblem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @state() private busy = false;
  @query("soma-knobs") private readonly knobs!: AgentKnobs | null;
  @query("form") private readonly form!: HTMLFormElement | null;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("agentId")) this.formProblem = null;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const title = `${msg("Agents")} · SomaAgent`;
    if (document.title !== title) document.title = title;
    const appeared = changed.has("agentId") || (changed as Map<string, unknown>).has("agents");
    if (appeared && this.agentId !== null && this.agents !== null) {
      this.querySelector<HTMLElement>("#agent-name")?.focus();
    }
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Agents")}</h1>
        ${this.#mayConfigure
          ? html`<a class="button page__act" href=${RULES}>${msg("Rules for all")}</a>
              <a class="button button--primary" href="/agents/new">
                ${ICONS.add}<span>${msg("New agent")}</span>
              </a>`
          : nothing}
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="agents-page">
        ${this.#body()}
      </main>`;
  }

  get #mayConfigure(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  async #load(): Promise<void> {
    const { api } = this.services;
    this.problem = null;
    try {
      this.agents = (await api.agents()).items;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
    await this.#loadModels();
  }

  async #loadModels(): Promise<void> {
    this.modelsProblem = null;
    try {
      this.models = (await this.services.api.models()).items;
    } catch (failure) {
      this.modelsProblem = problemOf(failure);
    }
  }

  #body(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.agents === null) return skeleton(4, msg("Loading agents…"));
    const edited = this.agents.find((agent) => agent.id === this.agentId) ?? null;
    if (this.agentId !== null && this.agentId !== "new" && edited === null) {
      return emptyView(
        msg("This agent does not exist"),
        msg("It may have been deleted."),
        html`<a class="button" href="/agents">${msg("All agents")}</a>`,
      );
    }
    if (this.agentId !== null) return this.#edit(edited);
    if (this.agents.length === 0) {
      return emptyView(
        msg("There is no agent yet"),
        msg("An agent is a name with instructions: someone to talk to."),
      );
    }
    return html`<ul class="cards">
      ${this.agents.map((agent) => this.#card(agent))}
    </ul>`;
  }

  #card(agent: Agent): TemplateResult {
    return html`<li class="card">
      <div class="card__head">
        <h2 class="card__title">${agent.name}</h2>
        ${this.#mayConfigure
          ? html`<a
                class="button button--small"
                href=${trainingPath(agent.id)}
                aria-label=${msg(str`Train ${agent.name}`)}
                >${msg("Train")}</a
              >
              <a
                class="button button--small"
                href="/agents/${agent.id}"
                aria-label=${msg(str`Edit ${agent.name}`)}
                >${msg("Edit")}</a
              >`
          : nothing}
      </div>
      <p class="card__text clamp"
        >${agent.instructions === "" ? msg("No instructions yet.") : agent.instructions}</p
      >
      <p class="muted">${this.#modelLine(agent)}</p>
    </li>`;
  }

  #modelLine(agent: Agent): string {
    if (agent.model_id === null) return msg("Speaks with the platform’s default model");
    return msg(str`Speaks with ${agent.model_name ?? agent.model_id}`);
  }

  #edit(agent: Agent | null): TemplateResult {
    const canEdit = this.#mayConfigure;
    return html`<form class="card form" @submit=${(event: SubmitEvent) => void this.#save(event, agent)}>
      <h2 class="card__title">
        ${agent === null ? msg("New agent") : msg(str`Edit ${agent.name}`)}
      </h2>
      ${this.formProblem === null ? nothing : problemView(this.formProblem)}
      <div class="field">
        <label class="field__label" for="agent-name">${msg("Name")}</label>
        <input
          id="agent-name"
          name="name"
          class="input"
          maxlength=${LONGEST_NAME}
          required
          ?disabled=${!canEdit}
          .value=${agent?.name ?? ""}
        />
      </div>
      <div class="field">
        <label class="field__label" for="agent-instructions">${msg("Instructions")}</label>
        <textarea
          id="agent-instructions"
          name="instructions"
          class="input input--tall"
          rows="10"
          aria-describedby="instructions-hint"
          ?disabled=${!canEdit}
          .value=${agent?.instructions ?? ""}
        ></textarea>
        <span class="field__hint" id="instructions-hint">
          ${msg("Who the agent is, what it knows, how it speaks, what it must not do.")}
        </span>
      </div>
      ${this.#modelField(agent, canEdit)}
      <soma-knobs .agent=${agent} .canEdit=${canEdit}></soma-knobs>
      <div class="row">
        ${canEdit
          ? html`<button type="submit" class="button button--primary" ?disabled=${this.busy}>
              ${this.busy ? msg("Saving…") : msg("Save")}
            </button>`
          : nothing}
        <a class="button" href="/agents">${canEdit ? msg("Cancel") : msg("All agents")}</a>
      </div>
    </form>`;
  }

  #modelField(agent: Agent | null, canEdit: boolean): TemplateResult {
    if (this.modelsProblem !== null) {
      return problemView(this.modelsProblem, () => void this.#loadModels());
    }
    const chosen = agent?.model_id ?? "";
    const models = this.models ?? [];
    const isKnown = chosen === "" || models.some((model) => model.id === chosen);
    return html`<div class="field">
      <label class="field__label" for="agent-model">${msg("Model")}</label>
      <select id="agent-model" name="model" class="input" ?disabled=${!canEdit || this.models === null}>
        <option value="" ?selected=${chosen === ""}>${msg("The platform’s default")}</option>
        ${isKnown
          ? nothing
          : html`<option value=${chosen} selected>${agent?.model_name ?? chosen}</option>`}
        ${models.map(
          (model) => html`<option value=${model.id} ?selected=${model.id === chosen}>
            ${model.display_name} · ${model.provider_name}
          </option>`,
        )}
      </select>
    </div>`;
  }

  async #save(event: SubmitEvent, agent: Agent | null): Promise<void> {
    event.preventDefault();
    if (this.form === null || this.busy) return;
    const { api, router, toasts } = this.services;
    const data = new FormData(this.form);
    const text = (name: string): string => {
      const value = data.get(name);
      return typeof value === "string" ? value : "";
    };
    const draft = {
      name: text("name").trim(),
      instructions: text("instructions"),
      model_id: data.has("model") ? text("model") || null : (agent?.model_id ?? null),
      ...(this.knobs?.values ?? {}),
    };
    this.busy = true;
    this.formProblem = null;
    try {
      const saved =
        agent === null ? await api.createAgent(draft) : await api.updateAgent(agent.id, draft);
      toasts.say(msg(str`${saved.name} was saved.`));
      this.agents = [...(this.agents ?? []).filter((other) => other.id !== saved.id), saved].sort(
        (a, b) => a.name.localeCompare(b.name),
      );
      router.go("/agents");
    } catch (failure) {
      this.formProblem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-agents-page": AgentsPage;
  }
}
