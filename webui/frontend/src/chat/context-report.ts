/** What the model saw of a turn: tokens by lane, and what had no room; fetched when it is shown. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { ContextReport, Problem } from "../api/types";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

@customElement("soma-context-report")
export class ContextReportView extends LightElement {
  @property({ attribute: false }) turnId = "";
  @state() private report: ContextReport | null = null;
  @state() private problem: Problem | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<section
      class="report"
      aria-label=${msg("What the model saw")}
      aria-live="polite"
      data-testid="context-report"
    >
      ${this.problem === null
        ? nothing
        : problemView(this.problem, () => {
            void this.#load();
          })}
      ${this.report === null ? nothing : this.#body(this.report)}
    </section>`;
  }

  #body(report: ContextReport): TemplateResult {
    const names: Record<string, string> = {
      system: msg("Instructions"),
      history: msg("Earlier messages"),
      memory: msg("Memories"),
      tools: msg("Tools"),
      tool_results: msg("Results of tools"),
      buffer: msg("Your message"),
    };
    const rows = Object.keys(names)
      .map((lane): [string, number] => [lane, report.lanes[lane] ?? 0])
      .filter(([, tokens]) => tokens > 0);
    return html`<table class="report__table">
        <thead>
          <tr>
            <th scope="col">${msg("Part")}</th>
            <th scope="col">${msg("Tokens used")}</th>
            <th scope="col">${msg("Room for")}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ([lane, tokens]) => html`<tr>
              <th scope="row">${names[lane] ?? lane}</th>
              <td>${(report.used[lane] ?? 0).toLocaleString()}</td>
              <td>${tokens.toLocaleString()}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      <ul class="report__notes">
        ${notes(report).map((note) => html`<li>${note}</li>`)}
      </ul>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.report = await this.services.api.contextReport(this.turnId);
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }
}

/** In sentences: what was there whole, what was not. */
function notes(report: ContextReport): string[] {
  const said = [msg(str`${report.history_kept} earlier messages were there word for word.`)];
  if (report.history_cut > 0) {
    said.push(
      msg(
        str`${report.history_cut} had no room; ${report.history_summarised} of them were there as a summary.`,
      ),
    );
  }
  if (report.memory_cut > 0) said.push(msg(str`${report.memory_cut} memories had no room.`));
  if (report.system_cut) said.push(msg("The agent’s instructions were cut."));
  if (report.tools_cut > 0) said.push(msg(str`${report.tools_cut} tools were not offered.`));
  if (report.level === "degraded") said.push(msg("Memory was away, so less was planned for it."));
  if (report.level === "rescue") {
    said.push(msg("Memory and the language model were not well: only instructions and your message."));
  }
  return said;
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-context-report": ContextReportView;
  }
}
