/** Micro-units as people read them, and usage as a file. */
import { msg } from "@lit/localize";
import type { UsageRow } from "./gateway-api";

export const MICRO = 1_000_000;
const NOBODY = "00000000-0000-0000-0000-000000000000";

/** What the user, agent, key or tenant with this id is called. */
export function nameOf(names: ReadonlyMap<string, string>, id: string): string {
  if (id === "" || id === NOBODY) return msg("none");
  return names.get(id) ?? id;
}

const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const fineDollars = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 6,
});
const plain = new Intl.NumberFormat("en");

/** Dollars; small amounts with as many digits as they need. */
export function shownDollars(micros: number): string {
  return Math.abs(micros) < MICRO ? fineDollars.format(micros / MICRO) : dollars.format(micros / MICRO);
}

export function shownNumber(value: number): string {
  return plain.format(value);
}

/** An amount of a metric in its own unit. */
export function shownAmount(metric: string, micros: number): string {
  return metric === "usd" ? shownDollars(micros) : plain.format(Math.ceil(micros / MICRO));
}

const COLUMNS = [
  "calls",
  "failures",
  "estimated",
  "input_tokens",
  "cached_tokens",
  "output_tokens",
  "audio_seconds",
  "characters",
  "cost_micros",
] as const;

/** Rows as CSV (RFC 4180); cells that a spreadsheet would take for a formula are defused. */
export function csvOf(rows: readonly UsageRow[], by: string): string {
  const lines = rows.map((row) =>
    [row.bucket, row.name, ...COLUMNS.map((name) => String(row[name]))].map(cell).join(","),
  );
  return [["from", by, ...COLUMNS].join(","), ...lines].join("\r\n") + "\r\n";
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
