/** Why a memory was found: the reason in words, and on demand the parts of its score. */
import { msg } from "@lit/localize";
import { html, nothing, svg } from "lit";
import type { TemplateResult } from "lit";
import type { MemoryItem, ScoreParts } from "./types";

export interface ScoreLine {
  name: string;
  /** As it is said. */
  value: string;
  /** As it is drawn, 0 to 1; null where a bar would say nothing. */
  share: number | null;
}

function percent(value: number): string {
  return new Intl.NumberFormat(undefined, { style: "percent" }).format(value);
}

function two(value: number): string {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(value);
}

function place(rank: number | null): string {
  return rank === null ? msg("not among them") : `${rank}.`;
}

function held(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** The parts in the order in which they are explained; what lent nothing is left out. */
export function scoreLines(parts: ScoreParts): ScoreLine[] {
  const lines: ScoreLine[] = [
    { name: msg("Place by its words"), value: place(parts.lexical_rank), share: null },
    { name: msg("Place by its meaning"), value: place(parts.dense_rank), share: null },
    { name: msg("Words of the search in it"), value: percent(parts.coverage), share: parts.coverage },
    {
      name: msg("Closeness in meaning"),
      value: parts.cosine === null ? msg("not known yet") : two(parts.cosine),
      share: parts.cosine === null ? null : held(parts.cosine),
    },
  ];
  const lent: [string, number, number][] = [
    [msg("Lent by what was said beside it"), parts.beside, 2],
    [msg("Lent by its whole conversation"), parts.conversation, 2],
    [msg("Names shared with the best hits"), parts.links, 1],
  ];
  for (const [name, value, most] of lent) {
    if (value > 0) lines.push({ name, value: two(value), share: held(value / most) });
  }
  if (parts.person > 0) {
    lines.push({ name: msg("Person asked about"), value: percent(parts.person), share: held(parts.person) });
  }
  if (parts.time > 0) {
    lines.push({ name: msg("Time asked about"), value: percent(parts.time), share: held(parts.time) });
  }
  lines.push(
    { name: msg("How recent it is"), value: percent(parts.recency), share: parts.recency },
    { name: msg("How sure that this answers"), value: percent(parts.certainty), share: parts.certainty },
  );
  return lines;
}

/** A bar beside its number; the number itself is what is read aloud. */
export function bar(share: number): TemplateResult {
  return html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="bar__track" width="100" height="6" rx="3" />
    ${svg`<rect class="bar__fill" width=${held(share) * 100} height="6" rx="3" />`}
  </svg>`;
}

export function whyView(item: MemoryItem): TemplateResult | typeof nothing {
  if (item.reason === "") return nothing;
  return html`<details class="why" data-testid="why">
    <summary>${msg("Why it was found")}</summary>
    <p class="why__reason">${item.reason}</p>
    <dl class="why__parts">
      <div class="why__part">
        <dt>${msg("Score")}</dt>
        <dd>${two(item.score)}</dd>
        <dd class="why__bar">${bar(item.score)}</dd>
      </div>
      ${scoreLines(item.parts).map(
        ({ name, value, share }) => html`<div class="why__part">
          <dt>${name}</dt>
          <dd>${value}</dd>
          ${share === null ? nothing : html`<dd class="why__bar">${bar(share)}</dd>`}
        </div>`,
      )}
    </dl>
  </details>`;
}
