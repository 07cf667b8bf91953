/** The words of routing: goals, tiers, abilities, failures and what is done about them. */
import { msg } from "@lit/localize";
import type { Model } from "../api/types";
import type { Rules } from "./routing-api";

export const GOALS = ["order", "cost", "latency", "quality", "balanced"] as const;
export const TIERS = ["budget", "standard", "premium", "flagship"] as const;
export const CAPABILITIES = ["text", "vision", "audio", "tools", "json_schema", "reasoning"] as const;
export const ACTS = ["next", "elsewhere", "larger", "stop"] as const;
/** The failures that people decide about; the others go by the usual table. */
export const FAILURES = [
  "model-rate-limited",
  "context-too-long",
  "model-timeout",
  "model-unreachable",
  "model-server-error",
  "model-auth-failed",
  "model-credit-exhausted",
] as const;

export function goalName(goal: Rules["goal"]): string {
  switch (goal) {
    case "order":
      return msg("A fixed order");
    case "cost":
      return msg("Lowest price");
    case "latency":
      return msg("Quickest first word");
    case "quality":
      return msg("Best quality");
    case "balanced":
      return msg("A balance of all");
  }
}

export function tierName(tier: Model["tier"]): string {
  switch (tier) {
    case "budget":
      return msg("budget");
    case "standard":
      return msg("standard");
    case "premium":
      return msg("premium");
    case "flagship":
      return msg("flagship");
  }
}

export function abilityName(name: (typeof CAPABILITIES)[number]): string {
  switch (name) {
    case "text":
      return msg("text");
    case "vision":
      return msg("pictures");
    case "audio":
      return msg("sound");
    case "tools":
      return msg("tools");
    case "json_schema":
      return msg("JSON schema");
    case "reasoning":
      return msg("reasoning");
  }
}

export function failureName(code: (typeof FAILURES)[number]): string {
  switch (code) {
    case "model-rate-limited":
      return msg("Too many requests");
    case "context-too-long":
      return msg("Too long for the model");
    case "model-timeout":
      return msg("No answer in time");
    case "model-unreachable":
      return msg("Not reachable");
    case "model-server-error":
      return msg("The provider failed");
    case "model-auth-failed":
      return msg("Key refused");
    case "model-credit-exhausted":
      return msg("No credit left");
  }
}

export function actName(act: (typeof ACTS)[number]): string {
  switch (act) {
    case "next":
      return msg("ask the next model");
    case "elsewhere":
      return msg("ask at another provider");
    case "larger":
      return msg("ask a model that reads more");
    case "stop":
      return msg("tell the failure");
  }
}
