/** Names and effects of levels and weights, and what the parts of a sleep cycle are called. */
import { msg } from "@lit/localize";

export interface Meaning {
  name: string;
  effect: string;
}

export function meaningOf(parameter: string): Meaning {
  switch (parameter) {
    case "dopamine":
      return { name: msg("Dopamine"), effect: msg("Higher: feedback moves the weights further.") };
    case "serotonin":
      return { name: msg("Serotonin"), effect: msg("Higher: recall keeps to the surest matches.") };
    case "noradrenaline":
      return {
        name: msg("Noradrenaline"),
        effect: msg("Higher: more urgency, fewer memories in a prompt, less is taken into focus."),
      };
    case "acetylcholine":
      return { name: msg("Acetylcholine"), effect: msg("Higher: more of what is said enters the focus.") };
    case "alpha":
      return { name: msg("Meaning (alpha)"), effect: msg("Weight of closeness in meaning.") };
    case "beta":
      return { name: msg("Links (beta)"), effect: msg("Weight of links between memories.") };
    case "gamma":
      return { name: msg("Recency (gamma)"), effect: msg("Weight of recency.") };
    case "tau":
      return { name: msg("Spread (tau)"), effect: msg("How widely the choice of memories spreads.") };
    case "lambda_":
      return { name: msg("Worth (lambda)"), effect: msg("Worth of what a context contains.") };
    case "mu":
      return { name: msg("Cost of length (mu)"), effect: msg("Cost of a long context.") };
    case "nu":
      return { name: msg("Cost of number (nu)"), effect: msg("Cost of many memories.") };
    default:
      return { name: parameter, effect: "" };
  }
}

export function causeName(cause: string): string {
  switch (cause) {
    case "feedback":
      return msg("Learnt from feedback");
    case "adjust":
      return msg("Set by hand");
    case "reset":
      return msg("Put back to the start");
    case "rollback":
      return msg("Rolled back");
    case "decay":
      return msg("Returned to rest");
    default:
      return cause;
  }
}

export function sleepName(sleep: string): string {
  switch (sleep) {
    case "active":
      return msg("awake");
    case "light":
      return msg("light sleep");
    case "deep":
      return msg("deep sleep");
    case "freeze":
      return msg("frozen");
    default:
      return sleep;
  }
}

export function cycleStateName(state: string): string {
  switch (state) {
    case "waiting":
      return msg("waiting to start");
    case "running":
      return msg("running");
    case "finished":
      return msg("finished");
    case "interrupted":
      return msg("interrupted");
    case "failed":
      return msg("failed");
    default:
      return state;
  }
}

export function actName(act: string): string {
  switch (act) {
    case "replay":
    case "replayed":
      return msg("replayed");
    case "strengthen":
    case "strengthened":
      return msg("strengthened");
    case "merge":
    case "merged":
      return msg("merged");
    case "extract":
    case "extracted":
      return msg("facts drawn");
    case "prune":
    case "pruned":
      return msg("pruned");
    default:
      return act.replaceAll("_", " ");
  }
}
