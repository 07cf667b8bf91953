/** What an answer remembers, and from when: closed by default, quoted when opened. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import type { Recalled } from "../api/types";
import { plainText } from "../content/sentences";
import { conversationPath, memoryPath } from "../router/routes";
import { dayOf, exactTime } from "../ui/times";

/** At 320 pixels, six lines of a quotation hold about this much. */
const FITS_CHARS = 180;

function summaryOf(recalled: readonly Recalled[]): string {
  const days = [...new Set(recalled.map((memory) => dayOf(memory.said_at)))];
  const [first = "", second] = days;
  if (days.length === 1) return msg(str`Remembered from ${first}`);
  if (days.length === 2) return msg(str`Remembered from ${first} and ${second ?? ""}`);
  return msg(str`Remembered from ${first} and ${days.length - 1} other days`);
}

function speakerName(speaker: string): string {
  if (speaker === "user") return msg("You");
  return speaker === "assistant" ? msg("The agent") : speaker;
}

/** An answer without Markdown's marks; what a person wrote stays as written. */
function quote(memory: Recalled): TemplateResult {
  const text = memory.speaker === "user" ? memory.text : plainText(memory.text);
  // What scrolls must be reachable by keyboard, what does not must not be in the way.
  const scrolls = text.length > FITS_CHARS || text.includes("\n");
  return html`<blockquote tabindex=${scrolls ? 0 : nothing}>${text}</blockquote>`;
}

export function recalledView(recalled: readonly Recalled[]): TemplateResult {
  return html`<details class="recalled" data-testid="recalled">
    <summary>${summaryOf(recalled)}</summary>
    <ul class="recalled__list">
      ${recalled.map(
        (memory) => html`<li class="recalled__item">
          <p class="recalled__head">
            <span>${speakerName(memory.speaker)}</span>
            <time datetime=${memory.said_at} title=${exactTime(memory.said_at)}
              >${dayOf(memory.said_at)}</time
            >
            ${memory.conversation_id === null
              ? nothing
              : html`<a href=${conversationPath(memory.conversation_id)}
                  >${msg("Open that conversation")}</a
                >`}
            <a href=${memoryPath(memory.memory_id)}>${msg("Correct or forget it")}</a>
          </p>
          ${quote(memory)}
          ${memory.reason === ""
            ? nothing
            : html`<p class="recalled__reason">${msg(str`Recalled because: ${memory.reason}`)}</p>`}
        </li>`,
      )}
    </ul>
  </details>`;
}
