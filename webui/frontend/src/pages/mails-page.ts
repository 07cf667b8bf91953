/** The outbox of mails: what was written to people, for installations that cannot send it. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { IdentityApi } from "../identity/identity-api";
import type { Mails } from "../identity/identity-api";
import "../styles/identity.css";
import { LightElement } from "../ui/light-element";
import { PagedList } from "../ui/paged-list";
import { emptyView, reservedView } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

type Mail = Mails["items"][number];

@customElement("soma-mails-page")
export class MailsPage extends LightElement {
  @state() private isSent = false;
  readonly #mails = new PagedList<Mail>(
    this,
    () => this.services.toasts,
    (cursor) => this.#page(cursor),
  );

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Outbox of mails")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#mails.load();
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
    return this.#mails.view({
      loading: msg("Loading mails…"),
      empty: emptyView(
        msg("No mails yet"),
        msg("Invitations, links for new passwords and warnings appear here."),
      ),
      full: (mails) => this.#list(mails),
      more: msg("Older ones"),
    });
  }

  #list(mails: readonly Mail[]): TemplateResult {
    return html`${this.isSent
        ? nothing
        : html`<p class="notice">
            ${msg("No server for mails is set, so that nothing leaves. Hand these on yourself.")}
          </p>`}
      <ul class="mails">
        ${repeat(mails, ({ id }) => id, (mail) => this.#mail(mail))}
      </ul>`;
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

  async #page(cursor: string | null): Promise<Mails> {
    const page = await new IdentityApi(this.services.http).mails(cursor);
    this.isSent = page.is_sent;
    return page;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-mails-page": MailsPage;
  }
}
