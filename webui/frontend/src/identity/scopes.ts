/** What a program may do, in words. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import type { components } from "../generated/api";

export type Scope = components["schemas"]["QuestionOut"]["scopes"][number];

const WORDS: Readonly<Record<Scope, () => string>> = {
  all: () => msg("Do everything that you can do, in your account’s settings too"),
  read: () => msg("Read everything that you can read, and change nothing"),
  "agents:read": () => msg("See your agents"),
  "agents:write": () => msg("Make and change agents"),
  "chat:read": () => msg("Read your conversations"),
  "chat:write": () => msg("Chat as you: write, change and delete conversations"),
  "cognitive:read": () => msg("See how your agents learn"),
  "cognitive:write": () => msg("Change how your agents learn"),
  "gateway:read": () => msg("See models, keys (never their secrets), usage and costs"),
  "gateway:write": () => msg("Change models, keys and budgets"),
  "memory:read": () => msg("Read what your agents remember"),
  "memory:write": () => msg("Add, change and forget memories"),
  "saas:read": () => msg("See how the organisation is set up and what happens in it"),
  "saas:write": () => msg("Change how the organisation is set up"),
};

export function scopeList(scopes: readonly Scope[]): TemplateResult {
  return html`<ul class="scopes">
    ${scopes.map((scope) => html`<li>${WORDS[scope]()}</li>`)}
  </ul>`;
}
