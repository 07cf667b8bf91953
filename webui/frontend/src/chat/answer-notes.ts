/** What an answer went without, and how it ended when it did not end by itself. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { readProblem } from "../api/problem";
import type { Message, Problem } from "../api/types";
import { ICONS } from "../ui/icons";
import { nextStep, referenceLine } from "../ui/states";
import { degradedText } from "./degraded";

/** What went wrong in the turn that wrote this message, if anything did. */
function problemOfTurn(message: Message): Problem | null {
  if (message.error === null) return null;
  const problem = readProblem(message.error);
  // A turn that failed on its own has no request: its id is what the logs know it by.
  return { ...problem, instance: problem.instance || (message.turn_id ?? "") };
}

/** One sentence for each thing that was missing; administrators get the way to mend it. */
export function degradedView(message: Message, isPlatformAdmin: boolean): TemplateResult {
  const codes = message.degraded;
  const cause = codes.includes("models-down") ? problemOfTurn(message) : null;
  return html`<div class="degraded" data-testid="degraded-banner" data-codes=${codes.join(" ")}>
    ${ICONS.warning}
    <div>
      ${codes.map((code) => html`<p>${degradedText(code)}</p>`)}
      ${cause === null
        ? nothing
        : html`<p>${msg(str`Cause: ${cause.title}.`)}</p>
            ${referenceLine(cause)}`}
      ${codes.includes("no-model") && isPlatformAdmin
        ? html`<a href="/platform/providers">${msg("Set up a model")}</a>`
        : nothing}
    </div>
  </div>`;
}

function endingWords(message: Message, problem: Problem | null): string {
  switch (message.turn_state) {
    case "failed":
      return problem?.title ?? msg("The answer failed.");
    case "interrupted":
      return msg("The answer was interrupted. Its text so far is kept.");
    case "cancelled":
      return msg("You stopped this answer.");
    default:
      return "";
  }
}

/** How the answer ended, with the ways on from there; nothing when it simply ended. */
export function endingView(
  message: Message,
  waysOn: TemplateResult | typeof nothing,
): TemplateResult | typeof nothing {
  const problem = problemOfTurn(message);
  const words = endingWords(message, problem);
  if (words === "" && !message.degraded.includes("output-limit")) return nothing;
  const hasFailed = message.turn_state === "failed";
  const isFault = hasFailed || message.turn_state === "interrupted";
  return html`<div
    class="ending ${isFault ? "ending--failed" : ""}"
    role=${isFault ? "alert" : nothing}
  >
    ${words === "" ? nothing : html`<p class="ending__title">${words}</p>`}
    ${problem === null || !hasFailed
      ? nothing
      : html`${problem.detail === "" ? nothing : html`<p>${problem.detail}</p>`}
          <p>${nextStep(problem)}</p>`}
    ${problem === null || !isFault ? nothing : referenceLine(problem)} ${waysOn}
  </div>`;
}
