/** The four levels as gauges: where they are, where they rest, how they came here. */
import { msg, str } from "@lit/localize";
import { html, nothing, svg } from "lit";
import type { TemplateResult } from "lit";
import { meaningOf } from "../memory/cognitive-words";
import { polyline, shareOf, shownValue } from "../memory/learning";
import type { Point } from "../memory/learning";
import type { Parameter } from "../memory/types";

const ARC = "M 10 56 A 46 46 0 0 1 102 56";
const SPARK = { width: 112, height: 24 };

/** A half circle; `pathLength` makes the dash a share of it. */
function arc(share: number, rest: number): TemplateResult {
  const angle = -180 + rest * 180;
  return html`<svg class="gauge__arc" viewBox="0 0 112 62" aria-hidden="true">
    <path class="gauge__track" d=${ARC} pathLength="100" />
    ${share <= 0
      ? nothing
      : svg`<path class="gauge__fill" d=${ARC} pathLength="100" stroke-dasharray="${share * 100} 200" />`}
    <line class="gauge__rest" x1="94" y1="56" x2="110" y2="56" transform="rotate(${angle} 56 56)" />
  </svg>`;
}

function spark(values: readonly number[], parameter: Parameter): TemplateResult | typeof nothing {
  if (values.length < 2) return nothing;
  const points = polyline(values, parameter, SPARK.width, SPARK.height - 4);
  return html`<svg class="spark" viewBox="0 -2 ${SPARK.width} ${SPARK.height}" preserveAspectRatio="none" aria-hidden="true">
    <polyline points=${points} />
  </svg>`;
}

function gauge(parameter: Parameter, points: readonly Point[]): TemplateResult {
  const { name, value, low, high, baseline } = parameter;
  const { name: title, effect } = meaningOf(name);
  const shown = shownValue(value, parameter);
  const values = points.map(({ levels }) => levels[name] ?? baseline);
  return html`<li class="gauge" data-testid="gauge" data-name=${name}>
    <h3 class="gauge__name">${title}</h3>
    <div
      role="meter"
      aria-label=${title}
      aria-valuenow=${value}
      aria-valuemin=${low}
      aria-valuemax=${high}
      aria-valuetext=${msg(str`${shown}, at rest ${shownValue(baseline, parameter)}`)}
      class="gauge__dial"
    >
      ${arc(shareOf(value, parameter), shareOf(baseline, parameter))}
      <span class="gauge__value" aria-hidden="true">${shown}</span>
    </div>
    <p class="gauge__range" aria-hidden="true"><span>${low}</span><span>${high}</span></p>
    ${spark(values, parameter)}
    <p class="muted">${effect}</p>
  </li>`;
}

export function gaugesView(parameters: readonly Parameter[], points: readonly Point[]): TemplateResult {
  return html`<ul class="gauges">
      ${parameters.filter(({ group }) => group === "levels").map((one) => gauge(one, points))}
    </ul>
    <p class="muted">
      ${msg("The mark on each dial is where the level rests; it returns there by itself. The line below shows the changes so far.")}
    </p>`;
}
