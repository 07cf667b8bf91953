/** Times in words and figures, always with the zone where it matters. */
import { msg } from "@lit/localize";

const DAY_MS = 86_400_000;

function startOfDay(moment: Date): number {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}

/** Date and time with zone, for titles and hovers. */
export function exactTime(iso: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" }).format(
    new Date(iso),
  );
}

/** The day in words short enough for a line. */
export function dayOf(iso: string, now = new Date()): string {
  const moment = new Date(iso);
  const days = Math.round((startOfDay(now) - startOfDay(moment)) / DAY_MS);
  if (days === 0) return msg("today");
  if (days === 1) return msg("yesterday");
  return new Intl.DateTimeFormat(undefined, {
    day: "numeric",
    month: "long",
    ...(moment.getFullYear() === now.getFullYear() ? {} : { year: "numeric" as const }),
  }).format(moment);
}

export function clockTime(iso: string): string {
  return new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" }).format(
    new Date(iso),
  );
}

/** "30 days" or "8 hours". */
export function lastingHours(hours: number): string {
  const [count, unit] = hours % 24 === 0 ? [hours / 24, "day"] : [hours, "hour"];
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

export type AgeGroup = "today" | "yesterday" | "week" | "month" | "older";

/** Under which heading of the list a conversation stands. */
export function ageGroup(iso: string, now = new Date()): AgeGroup {
  const days = Math.round((startOfDay(now) - startOfDay(new Date(iso))) / DAY_MS);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days <= 7) return "week";
  return days <= 30 ? "month" : "older";
}
