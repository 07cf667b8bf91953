/** A message that the server has not accepted yet: waiting, on its way, or refused. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { nextStep, referenceLine } from "../ui/states";
import type { PendingMessage } from "./outbox";

export interface PendingActs {
  retry: (clientKey: string) => void;
  edit: (clientKey: string) => void;
}

export function pendingView(
  pending: PendingMessage,
  isInFlight: boolean,
  acts: PendingActs,
): TemplateResult {
  const { problem } = pending;
  const state = problem !== null ? "refused" : isInFlight ? "sending" : "waiting";
  return html`<article
    class="message message--user message--pending"
    data-testid="message"
    data-role="user"
    data-pending=${state}
    aria-label=${msg("You, not sent yet")}
  >
    <div class="message__text">${pending.content}</div>
    ${problem === null
      ? html`<p class="message__fate">
          ${isInFlight ? msg("Sending…") : msg("Kept here; will be sent when you are connected.")}
        </p>`
      : html`<div class="ending ending--failed" role="alert">
          <p class="ending__title">${problem.title}</p>
          ${problem.detail === "" ? nothing : html`<p>${problem.detail}</p>`}
          <p>${nextStep(problem)}</p>
          ${referenceLine(problem)}
        </div>`}
    ${state === "sending"
      ? nothing
      : html`<div class="row">
          ${problem === null
            ? nothing
            : html`<button
                type="button"
                class="button button--small"
                @click=${() => {
                  acts.retry(pending.client_key);
                }}
              >
                ${msg("Send again")}
              </button>`}
          <button
            type="button"
            class="button button--small"
            @click=${() => {
              acts.edit(pending.client_key);
            }}
          >
            ${msg("Take back and edit")}
          </button>
        </div>`}
  </article>`;
}
