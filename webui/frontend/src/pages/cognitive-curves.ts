/** Learning curves: one small chart for each weight, and the same numbers as a table. */
import { msg, str } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { causeName, meaningOf } from "../memory/cognitive-words";
import { polyline, scaleOf, shareOf, shownValue } from "../memory/learning";
import type { Point } from "../memory/learning";
import type { Parameter } from "../memory/types";
import { exactTime } from "../ui/times";

const BOX = { width: 200, height: 60 };

function curve(parameter: Parameter, points: readonly Point[]): TemplateResult {
  const { name, value, baseline, low, high } = parameter;
  const { name: title, effect } = meaningOf(name);
  const values = points.map(({ weights }) => weights[name] ?? baseline);
  const scale = scaleOf([...values, baseline]);
  const rest = BOX.height - shareOf(baseline, scale) * BOX.height;
  const first = values[0] ?? baseline;
  return html`<figure class="curve" data-testid="curve" data-name=${name}>
    <figcaption class="curve__head">
      <span class="curve__name" title=${effect}>${title}</span>
      <span class="curve__value">${shownValue(value)}</span>
    </figcaption>
    <svg
      class="curve__chart"
      viewBox="0 -3 ${BOX.width} ${BOX.height + 6}"
      preserveAspectRatio="none"
      role="img"
      aria-label=${msg(str`${title}: from ${shownValue(first)} to ${shownValue(value)} over ${points.length - 1} changes`)}
    >
      <line class="curve__rest" x1="0" x2=${BOX.width} y1=${rest} y2=${rest} />
      <polyline class="curve__line" points=${polyline(values.length === 1 ? [first, first] : values, scale, BOX.width, BOX.height)} />
    </svg>
    <p class="curve__bounds muted">${msg(str`start ${shownValue(baseline)}, bounds ${low} to ${high}`)}</p>
  </figure>`;
}

export function curvesView(parameters: readonly Parameter[], points: readonly Point[]): TemplateResult {
  const weights = parameters.filter(({ group }) => group === "weights");
  return html`<div class="curves">${weights.map((one) => curve(one, points))}</div>
    <details class="numbers">
      <summary>${msg("The same as a table")}</summary>
      ${table(parameters, points)}
    </details>`;
}

function table(parameters: readonly Parameter[], points: readonly Point[]): TemplateResult {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${msg("Levels and weights after each change")}>
    <table class="table">
      <thead>
        <tr>
          <th scope="col">${msg("After")}</th>
          ${parameters.map(({ name }) => html`<th scope="col" class="table__number">${meaningOf(name).name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${[...points].reverse().map(
          ({ change, levels, weights }) => html`<tr>
            <th scope="row">
              ${change === null
                ? msg("Before")
                : html`${causeName(change.cause)},
                    <time datetime=${change.at}>${exactTime(change.at)}</time>`}
            </th>
            ${parameters.map((parameter) => {
              const value = (parameter.group === "levels" ? levels : weights)[parameter.name];
              return html`<td class="table__number">
                ${value === undefined ? "–" : shownValue(value, parameter)}
              </td>`;
            })}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
