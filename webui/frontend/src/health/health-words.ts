/** Names of states, levels and times on the health page. */
import { msg, str } from "@lit/localize";
import type { Breaker, Health, Service } from "./health-api";

export function stateName(state: Service["state"]): string {
  switch (state) {
    case "ok":
      return msg("Well");
    case "slow":
      return msg("Limited");
    case "down":
      return msg("Away");
    case "unknown":
      return msg("Not in use");
  }
}

export function levelName(level: Health["level"]): string {
  switch (level) {
    case "none":
      return msg("Everything works.");
    case "minor":
      return msg("Slightly limited.");
    case "moderate":
      return msg("Noticeably limited.");
    case "severe":
      return msg("Severely limited.");
    case "critical":
      return msg("Out of order.");
  }
}

export function breakerState(breaker: Breaker): string {
  switch (breaker.state) {
    case "closed":
      return breaker.failures === 0
        ? msg("Closed: calls go through")
        : msg(str`Closed: the last ${breaker.failures} failed`);
    case "open":
      return msg(str`Open: left alone for another ${Math.ceil(breaker.trial_in_s ?? 0)} s`);
    case "half-open":
      return msg("Half open: the next call is the trial");
  }
}

export function latency(ms: number | null): string {
  if (ms === null) return "–";
  return ms < 10 ? msg(str`${ms.toFixed(1)} ms`) : msg(str`${Math.round(ms)} ms`);
}
