/** The outbox of mails: what was written to people, for installations that cannot send it. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { IdentityApi } from "../identity/identity-api";
import type { Mails } from "../identity/identity-api";
import "../styles/identity.css";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, reservedView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

type Mail = Mails["items"][number];

@customElement("soma-mails-page")
export class MailsPage extends LightElement {
  @state() private items: readonly Mail[] | null = null;
  @state() private next: string | null = null;
  @state() private isSent = false;
  @state() private problem: Problem | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Outbox of mails")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#load(null);
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Outbox of mails")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="mails-page">${this.#body()}</main>`;
  }

  #body(): TemplateResult {
    if (!this.services.session.isPlatformAdmin) {
      return reservedView(
        msg("This page is for the platform’s administrators"),
        msg("They see here what the platform wrote to people."),
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load(null));
    if (this.items === null) return skeleton(4, msg("Loading mails…"));
    if (this.items.length === 0) {
      return emptyView(
        msg("No mails yet"),
        msg("Invitations, links for new passwords and warnings appear here."),
      );
    }
    return html`${this.isSent
        ? nothing
        : html`<p class="notice">
            ${msg("No server for mails is set, so that nothing leaves. Hand these on yourself.")}
          </p>`}
      <ul class="mails">
        ${repeat(this.items, ({ id }) => id, (mail) => this.#mail(mail))}
      </ul>
      ${this.next === null
        ? nothing
        : html`<button type="button" class="button" @click=${() => void this.#load(this.next)}>
            ${msg("Older ones")}
          </button>`}`;
  }

  #mail(mail: Mail): TemplateResult {
    return html`<li class="card mails__mail">
      <h2 class="card__title">${mail.subject}</h2>
      <p class="muted" title=${exactTime(mail.created_at)}>
        ${msg(str`To ${mail.recipient}, ${dayOf(mail.created_at)} ${clockTime(mail.created_at)}`)}
        ${this.#fate(mail)}
      </p>
      ${mail.body === "" ? nothing : html`<pre class="mails__body" tabindex="0">${mail.body}</pre>`}
    </li>`;
  }

  #fate(mail: Mail): TemplateResult | typeof nothing {
    if (mail.sent_at !== null) return html`<span class="tag">${msg("sent")}</span>`;
    if (mail.last_error === "") return nothing;
    return html`<span class="tag tag--warn">
      ${msg(str`not sent yet: ${mail.last_error} (${mail.attempts})`)}
    </span>`;
  }

  async #load(before: string | null): Promise<void> {
    this.problem = null;
    try {
      const page = await new IdentityApi(this.services.http).mails(before);
      this.items = before === null ? page.items : [...(this.items ?? []), ...page.items];
      this.next = page.next;
      this.isSent = page.is_sent;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-mails-page": MailsPage;
  }
}
