/** The states that every page shares: loading, empty, and a failure with its next step. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import type { Problem } from "../api/types";
import { HOME } from "../router/routes";
import { ICONS } from "./icons";

export function loadingView(label: string): TemplateResult {
  return html`<div class="state state--loading" role="status">
    <span class="spinner" aria-hidden="true"></span><span>${label}</span>
  </div>`;
}

/** Grey lines in the shape of what is coming. */
export function skeleton(rows: number, label: string): TemplateResult {
  return html`<div class="skeleton" role="status">
    <span class="visually-hidden">${label}</span>
    ${Array.from({ length: rows }, () => html`<div class="skeleton__row" aria-hidden="true"></div>`)}
  </div>`;
}

export function emptyView(
  title: string,
  text: string,
  action: TemplateResult | typeof nothing = nothing,
): TemplateResult {
  return html`<div class="state state--empty">
    <p class="state__title">${title}</p>
    <p>${text}</p>
    ${action}
  </div>`;
}

/** A page that is for others: whom, what this person should know instead, and the way back. */
export function reservedView(title: string, text: string): TemplateResult {
  return emptyView(title, text, html`<a class="button" href=${HOME}>${msg("Go to chat")}</a>`);
}

/** What the person can do about a problem, in words. */
export function nextStep(problem: Problem): string {
  const seconds = problem.retry_after ?? null;
  if (seconds !== null && seconds > 0) return msg(str`Try again in ${seconds} seconds.`);
  const known = modelStep(problem.code) ?? doorStep(problem.code);
  if (known !== null) return known;
  if (problem.status === 0 || problem.status >= 500) return msg("Try again in a moment.");
  if (problem.status === 401) return msg("Sign in again.");
  if (problem.status === 403) return msg("Ask an administrator of your organisation for access.");
  if (problem.status === 404) return msg("It may have been deleted. Go back and choose another.");
  if (problem.status === 409) return msg("It has changed in the meantime. Look again, then retry.");
  if (problem.status === 413) return msg("Make it shorter and send it again.");
  if (problem.status === 429) return msg("Wait a little, then try again.");
  return msg("Check what you entered, then try again.");
}

/** What helps where a model is set up wrongly: waiting does not. */
function modelStep(code: string): string | null {
  switch (code) {
    case "model-auth-failed":
      return msg("An administrator of the platform can enter another key.");
    case "model-credit-exhausted":
      return msg("An administrator of the platform can add credit at the provider.");
    case "model-not-found":
      return msg("An administrator of the platform can check the model’s name and the address.");
    case "address-refused":
      return msg("An administrator of the platform can enter another address.");
    case "context-too-long":
      return msg("Start a new conversation, or write a shorter message.");
    case "content-refused":
      return msg("Say it in other words.");
    default:
      return null;
  }
}

/** What helps at the door. */
function doorStep(code: string): string | null {
  switch (code) {
    case "invalid-code":
      return msg("Wait for the next code, or use another one.");
    case "invalid-credentials":
      return msg("Check what you entered, then try again.");
    case "passkey-refused":
      return msg("Try again, or sign in in another way.");
    case "redirect-refused":
    case "invalid-scope":
      return msg("The program asks for something that cannot be: tell whoever made it.");
    case "slug-taken":
      return msg("Choose another one.");
    case "link-invalid":
      return msg("Ask for a new one.");
    case "step-up-required":
      return msg("Try again and confirm it in the dialog.");
    case "invitation-of-another":
      return msg("Sign out, and in with the account of that address.");
    default:
      return null;
  }
}

/** A problem as a person needs it: what happened, what to do, what to quote when asking. */
export function problemView(problem: Problem, retry: (() => void) | null = null): TemplateResult {
  return html`<div class="problem" role="alert">
    <p class="problem__title">${ICONS.warning}<span>${problem.title}</span></p>
    ${problem.detail === "" ? fieldFaults(problem) : html`<p>${problem.detail}</p>`}
    <p class="problem__next">${nextStep(problem)}</p>
    ${referenceLine(problem)}
    ${retry === null
      ? nothing
      : html`<button type="button" class="button" @click=${retry}>${msg("Try again")}</button>`}
  </div>`;
}

/** Which fields are at fault, when the problem does not say it in one sentence. */
function fieldFaults(problem: Problem): TemplateResult[] {
  return (problem.errors ?? []).map(({ pointer, detail }) => {
    const field = pointer.replace(/^\//, "").replaceAll("/", " ").replaceAll("_", " ");
    return html`<p>${field === "" ? detail : `${field}: ${detail}`}</p>`;
  });
}

/** The request id, by which an operator finds the failure in the logs. */
export function referenceLine(problem: Problem): TemplateResult | typeof nothing {
  if (problem.instance === "") return nothing;
  return html`<p class="problem__reference">
    ${msg("Reference:")} <code>${problem.instance}</code>
  </p>`;
}
