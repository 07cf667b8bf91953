/** The audit log: found by act, time and words; taken away as CSV or JSON lines. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import { PeopleApi, archivePath, exportPath } from "../people/people-api";
import type { AuditArchive, AuditEntry, AuditFilter } from "../people/people-api";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/people.css";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { PagedList } from "../ui/paged-list";
import { emptyView, reservedView } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

function asInstant(day: string, time: string): string {
  return day === "" ? "" : new Date(`${day}T${time}`).toISOString();
}

@customElement("soma-audit-page")
export class AuditLogPage extends LightElement {
  @state() private filter: AuditFilter = { q: "", action: "", since: "", until: "", of: "tenant" };
  readonly #session = new StoreController(this);
  readonly #entries = new PagedList<AuditEntry>(
    this,
    () => this.services.toasts,
    (cursor) => this.#api.audit(this.filter, cursor),
  );
  @state() private archives: readonly AuditArchive[] = [];
  #api!: PeopleApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new PeopleApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Audit log")} · SomaAgent`;
    if (!this.#ofTenant && this.#ofPlatform) this.filter = { ...this.filter, of: "platform" };
    if (this.#ofTenant || this.#ofPlatform) {
      void this.#entries.load();
      void this.#findArchives();
    }
  }

  get #ofTenant(): boolean {
    return this.services.session.may("tenant.see_audit");
  }

  get #ofPlatform(): boolean {
    return this.services.session.isPlatformAdmin;
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Audit log")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="audit-page">
        ${this.#ofTenant || this.#ofPlatform
          ? html`${this.#controls()} ${this.#list()} ${this.#older()}`
          : reservedView(
              msg("This page is for administrators and security auditors"),
              msg("It shows who changed what."),
            )}
      </main>`;
  }

  #controls(): TemplateResult {
    return html`<form class="people__controls" @submit=${(event: SubmitEvent) => {
        this.#find(event);
      }}>
        <label class="field">
          <span class="field__label">${msg("Words")}</span>
          <input class="input" type="search" name="q" maxlength="200" autocomplete="off" />
        </label>
        <label class="field">
          <span class="field__label">${msg("Act, or its subject")}</span>
          <input class="input" name="action" placeholder="person.suspended" autocomplete="off" />
        </label>
        <label class="field">
          <span class="field__label">${msg("From")}</span>
          <input class="input" type="date" name="since" />
        </label>
        <label class="field">
          <span class="field__label">${msg("To")}</span>
          <input class="input" type="date" name="until" />
        </label>
        ${this.#ofTenant && this.#ofPlatform
          ? html`<label class="field">
              <span class="field__label">${msg("Whose")}</span>
              <select class="input" name="of">
                <option value="tenant">${msg("The organisation’s")}</option>
                <option value="platform">${msg("The platform’s")}</option>
              </select>
            </label>`
          : nothing}
        <button type="submit" class="button button--primary">${msg("Find")}</button>
      </form>
      <p class="row">
        <a class="button button--small" href=${exportPath(this.filter, "csv")} download
          >${msg("Export as CSV")}</a
        >
        <a class="button button--small" href=${exportPath(this.filter, "jsonl")} download
          >${msg("Export as JSON lines")}</a
        >
      </p>`;
  }

  #list(): TemplateResult {
    return this.#entries.view({
      loading: msg("Loading the audit log…"),
      empty: emptyView(msg("Nothing found"), msg("No act in the log fits what you look for.")),
      full: table,
      more: msg("Show older ones"),
    });
  }

  /** Where entries are that left the database. */
  #older(): TemplateResult | typeof nothing {
    if (this.archives.length === 0) return nothing;
    return html`<section aria-labelledby="older" data-testid="audit-archives">
      <h2 id="older">${msg("Older entries")}</h2>
      <p>${msg("Months that have been over for 30 days are kept as files of JSON lines.")}</p>
      <ul>
        ${this.archives.map(
          (file) =>
            html`<li>
              <a href=${archivePath(file.id, this.filter.of)} download
                >${dayOf(file.since)} – ${dayOf(file.until)}</a
              >, ${msg(str`entries: ${file.last_seq - file.first_seq + 1}`)}
            </li>`,
        )}
      </ul>
    </section>`;
  }

  async #findArchives(): Promise<void> {
    try {
      this.archives = await this.#api.archives(this.filter.of);
    } catch (error) {
      this.services.toasts.problem(problemOf(error));
    }
  }

  #find(event: SubmitEvent): void {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    this.filter = {
      q: textOf(fields, "q"),
      action: textOf(fields, "action"),
      since: asInstant(textOf(fields, "since"), "00:00:00"),
      until: asInstant(textOf(fields, "until"), "23:59:59"),
      of: textOf(fields, "of") || this.filter.of,
    };
    void this.#entries.load();
    void this.#findArchives();
  }
}

function table(entries: readonly AuditEntry[]): TemplateResult {
  return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Audit log")}>
      <table class="table people__table" data-testid="audit">
        <thead>
          <tr>
            <th scope="col">${msg("When")}</th>
            <th scope="col">${msg("Who")}</th>
            <th scope="col">${msg("Act")}</th>
            <th scope="col">${msg("What changed")}</th>
            <th scope="col">${msg("From where")}</th>
          </tr>
        </thead>
        <tbody>
          ${repeat(entries, ({ id }) => id, row)}
        </tbody>
      </table>
    </div>`;
}

function row(entry: AuditEntry): TemplateResult {
  return html`<tr data-action=${entry.action}>
    <td title=${exactTime(entry.at)}>${dayOf(entry.at)}, ${clockTime(entry.at)}</td>
    <th scope="row">
      ${entry.actor_name === "" ? entry.actor_id : entry.actor_name}
      <span class="people__mail">${entry.actor_email}</span>
      ${entry.as_user_id === null
        ? nothing
        : html`<span class="tag tag--warn">${msg(str`as ${entry.as_user_name}`)}</span>`}
    </th>
    <td><code>${entry.action}</code></td>
    <td class="people__detail">${changes(entry)}</td>
    <td>${entry.address}</td>
  </tr>`;
}

/** Before and after, field by field, in one line each. */
function changes(entry: AuditEntry): (TemplateResult | typeof nothing)[] {
  const before = record(entry.before);
  const after = record(entry.after);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].map((name) => {
    const [old, now] = [shown(before[name]), shown(after[name])];
    if (old === now) return nothing;
    return html`<div>${name}: ${old === "" ? now : now === "" ? old : `${old} → ${now}`}</div>`;
  });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-audit-page": AuditLogPage;
  }
}
