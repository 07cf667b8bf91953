/** The start of a conversation: which agent, and what is still missing before one can chat. */
import { Task } from "@lit/task";
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Agent, Model } from "../api/types";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";

const LAST_AGENT = "soma.agent";

@customElement("soma-new-conversation")
export class NewConversation extends LightElement {
  @state() private chosen: Agent | null = null;
  readonly #task: Task<readonly unknown[], { agents: Agent[]; models: Model[] | null }> = new Task(
    this,
    {
      args: () => [],
      task: async () => {
        const { api } = this.services;
        // Without the list of models one can still chat: only the hint is missing.
        const models = api.models().then(
          (page) => page.items,
          () => null,
        );
        const agents = (await api.agents()).items;
        this.#choose(agents.find((agent) => agent.id === this.#lastAgent()) ?? agents[0] ?? null);
        return { agents, models: await models };
      },
    },
  );

  /** The chosen agent, once it is known who there is; null when there is none. */
  async agent(): Promise<Agent | null> {
    await this.#task.taskComplete.catch(() => null);
    return this.chosen;
  }

  protected override render(): TemplateResult {
    const name = this.services.session.state.me?.user.display_name ?? "";
    return html`<div class="start">
      <p class="start__hello">
        ${name === "" ? msg("What can I do for you?") : msg(str`What can I do for you, ${name}?`)}
      </p>
      ${this.#task.render({
        pending: () => skeleton(2, msg("Loading agents…")),
        error: (failure) => problemView(problemOf(failure), () => void this.#task.run()),
        complete: ({ agents, models }) => this.#choice(agents, models),
      })}
    </div>`;
  }

  #choice(agents: readonly Agent[], models: readonly Model[] | null): TemplateResult {
    if (agents.length === 0) {
      return emptyView(
        msg("There is no agent yet"),
        msg("An agent is a name with instructions: someone to talk to."),
        this.services.session.may("tenant.administrate")
          ? html`<a class="button button--primary" href="/agents/new">${msg("Create an agent")}</a>`
          : nothing,
      );
    }
    return html`
      ${models?.length === 0 ? this.#noModel() : nothing}
      <fieldset class="agents">
        <legend class="agents__legend">${msg("Talk to")}</legend>
        ${agents.map(
          (agent) => html`<label class="agents__choice">
            <input
              type="radio"
              name="agent"
              value=${agent.id}
              .checked=${agent.id === this.chosen?.id}
              @change=${() => {
                this.#choose(agent);
              }}
            />
            <span class="agents__name">${agent.name}</span>
          </label>`,
        )}
      </fieldset>
    `;
  }

  #noModel(): TemplateResult {
    return html`<div class="notice">
      <p>
        ${msg("No language model is configured yet. Until there is one, agents answer from memory alone.")}
      </p>
      ${this.services.session.isPlatformAdmin
        ? html`<a class="button button--primary" href="/platform/providers">
            ${msg("Set up a model")}
          </a>`
        : html`<p>${msg("An administrator of the platform can add one.")}</p>`}
    </div>`;
  }

  #choose(agent: Agent | null): void {
    this.chosen = agent;
    try {
      if (agent !== null) localStorage.setItem(LAST_AGENT, agent.id);
    } catch {
      // Only the memory of the last choice is lost.
    }
  }

  #lastAgent(): string | null {
    try {
      return localStorage.getItem(LAST_AGENT);
    } catch {
      return null;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-new-conversation": NewConversation;
  }
}
