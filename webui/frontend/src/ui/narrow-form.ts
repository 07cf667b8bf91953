/** The one shape of the pages before and beside the workspace: a narrow card with a form. */
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import type { Problem } from "../api/types";
import { brand } from "./brand";
import { problemView } from "./states";

export interface NarrowForm {
  title: string;
  body: TemplateResult;
  problem?: Problem | null;
  testId?: string;
  submit?: (event: SubmitEvent) => void;
}

export function narrowForm(form: NarrowForm): TemplateResult {
  const problem = form.problem ?? null;
  return html`<main id="main" class="centred">
    <form
      class="card card--narrow"
      data-testid=${form.testId ?? nothing}
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        form.submit?.(event);
      }}
    >
      ${brand()}
      <h1 class="card__title">${form.title}</h1>
      ${problem === null ? nothing : problemView(problem)} ${form.body}
    </form>
  </main>`;
}
