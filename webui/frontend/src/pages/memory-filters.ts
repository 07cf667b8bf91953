/** Search field, tabs and filters of the Memory page; tells the page what changed. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import type { Agent } from "../api/types";
import { TABS, isNarrowed } from "../memory/filter-address";
import type { Tab } from "../memory/filter-address";
import { NO_FILTER } from "../memory/list-store";
import type { MemoryFilter } from "../memory/types";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";

export interface FilterChange {
  tab?: Tab;
  filter?: Partial<MemoryFilter>;
}

function tabName(tab: Tab): string {
  switch (tab) {
    case "all":
      return msg("All");
    case "conversations":
      return msg("Conversations");
    case "facts":
      return msg("Facts");
    case "episodes":
      return msg("Episodes");
    case "focus":
      return msg("In focus");
  }
}

@customElement("soma-memory-filters")
export class MemoryFilters extends LightElement {
  @property({ attribute: false }) filter: MemoryFilter = NO_FILTER;
  @property({ attribute: false }) tab: Tab = "all";
  @property({ attribute: false }) agents: readonly Agent[] = [];
  @query("#memory-search") private readonly searchField!: HTMLInputElement;

  focusSearch(): void {
    this.searchField.focus();
  }

  protected override render(): TemplateResult {
    const { filter } = this;
    return html`<search class="memory-filters">
      <div class="search">
        ${ICONS.search}
        <input
          id="memory-search"
          type="search"
          class="input search__input"
          aria-label=${msg("Search memories")}
          placeholder=${msg("Search in words, or ask a question")}
          autocomplete="off"
          maxlength="4000"
          .value=${filter.q}
          @input=${(event: InputEvent) => {
            this.#change({ q: (event.target as HTMLInputElement).value });
          }}
          @keydown=${this.#onSearchKey}
        />
      </div>
      <div class="tabs memory-filters__tabs" role="group" aria-label=${msg("Which memories")}>
        ${TABS.map(
          (tab) => html`<button
            type="button"
            class="tabs__tab"
            aria-pressed=${String(tab === this.tab)}
            @click=${() => {
              this.#tell({ tab });
            }}
          >
            ${tabName(tab)}
          </button>`,
        )}
      </div>
      <div class="memory-filters__row">
        ${this.agents.length > 1 || filter.agent_id !== ""
          ? this.#select("agent_id", msg("Agent"), [
              ["", msg("All agents")],
              ...this.agents.map(({ id, name }): [string, string] => [id, name]),
            ])
          : nothing}
        ${this.#select("speaker", msg("Said by"), [
          ["", msg("Anyone")],
          ["user", msg("You")],
          ["assistant", msg("The agent")],
        ])}
        ${this.#day("since", msg("From"))} ${this.#day("until", msg("Until"))}
        ${isNarrowed(filter)
          ? html`<button
              type="button"
              class="button button--quiet button--small"
              @click=${() => {
                this.#change({ ...NO_FILTER, kind: filter.kind });
              }}
            >
              ${msg("Clear")}
            </button>`
          : nothing}
      </div>
    </search>`;
  }

  #select(name: "agent_id" | "speaker", label: string, choices: [string, string][]): TemplateResult {
    return html`<label class="small-field">
      <span>${label}</span>
      <select
        class="input"
        @change=${(event: Event) => {
          this.#change({ [name]: (event.target as HTMLSelectElement).value });
        }}
      >
        ${choices.map(
          ([value, text]) =>
            html`<option value=${value} .selected=${value === this.filter[name]}>${text}</option>`,
        )}
      </select>
    </label>`;
  }

  #day(name: "since" | "until", label: string): TemplateResult {
    return html`<label class="small-field">
      <span>${label}</span>
      <input
        type="date"
        class="input"
        .value=${this.filter[name]}
        @change=${(event: Event) => {
          this.#change({ [name]: (event.target as HTMLInputElement).value });
        }}
      />
    </label>`;
  }

  readonly #onSearchKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("to-list"));
    }
    if (event.key === "Escape" && this.filter.q !== "") {
      event.preventDefault();
      this.#change({ q: "" });
    }
  };

  #change(filter: Partial<MemoryFilter>): void {
    this.#tell({ filter });
  }

  #tell(detail: FilterChange): void {
    this.dispatchEvent(new CustomEvent<FilterChange>("filter-change", { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-filters": MemoryFilters;
  }
}
