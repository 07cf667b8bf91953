/**
 * A button that opens a list of acts, by pointer or keyboard.
 *
 * Built on the platform's popover: it stands in the top layer, closes by Escape or a click
 * outside, and gives the focus back.
 */
import { LitElement, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";

export interface MenuItem {
  label: string;
  icon?: TemplateResult;
  danger?: boolean;
  /** A choice among others: shown as chosen or not. */
  checked?: boolean;
  href?: string;
  act?: () => void;
}

let nextId = 0;

@customElement("soma-menu")
export class SomaMenu extends LitElement {
  @property({ attribute: false }) items: readonly (MenuItem | "line")[] = [];
  @property({ attribute: false }) face: TemplateResult | string = "";
  @property() label = "";
  /** The face holds text that names the button by itself. */
  @property({ attribute: false }) faceNames = false;
  @property({ attribute: false }) faceClass = "button button--icon";
  @query("[popover]") private readonly panel!: HTMLElement;
  @query("button") private readonly button!: HTMLButtonElement;
  readonly #id = `menu-${String((nextId += 1))}`;

  protected override createRenderRoot(): this {
    return this;
  }

  override focus(): void {
    this.button.focus();
  }

  protected override render(): TemplateResult {
    return html`
      <button
        type="button"
        class=${this.faceClass}
        aria-label=${this.faceNames ? nothing : this.label}
        aria-haspopup="menu"
        aria-expanded="false"
        popovertarget=${this.#id}
        @keydown=${this.#onButtonKey}
        title=${this.faceNames ? nothing : this.label}
      >
        ${this.face}
      </button>
      <div
        id=${this.#id}
        class="menu"
        role="menu"
        aria-label=${this.label}
        popover="auto"
        @toggle=${this.#onToggle}
        @keydown=${this.#onKey}
      >
        ${this.items.map((item) =>
          item === "line" ? html`<hr class="menu__line" />` : this.#item(item),
        )}
      </div>
    `;
  }

  #item(item: MenuItem): TemplateResult {
    const body = html`<span class="menu__icon">${item.icon}</span><span>${item.label}</span>`;
    const danger = item.danger === true ? "menu__item menu__item--danger" : "menu__item";
    if (item.href !== undefined) {
      return html`<a role="menuitem" class=${danger} href=${item.href} @click=${this.#close}
        >${body}</a
      >`;
    }
    const act = (): void => {
      this.#close();
      item.act?.();
    };
    return item.checked === undefined
      ? html`<button type="button" role="menuitem" class=${danger} @click=${act}>${body}</button>`
      : html`<button
          type="button"
          role="menuitemradio"
          aria-checked=${String(item.checked)}
          class=${danger}
          @click=${act}
        >
          ${body}
        </button>`;
  }

  readonly #close = (): void => {
    this.panel.hidePopover();
  };

  /** Opens at once by key: the toggle event comes too late for whoever types ahead. */
  readonly #onButtonKey = (event: KeyboardEvent): void => {
    if (!["Enter", " ", "ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    this.panel.showPopover();
    this.#place();
    this.#focusables()
      .at(event.key === "ArrowUp" ? -1 : 0)
      ?.focus();
  };

  readonly #onToggle = (event: ToggleEvent): void => {
    const isOpen = event.newState === "open";
    this.button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      delete this.panel.dataset["placed"];
      return;
    }
    this.#place();
    if (!this.panel.contains(document.activeElement)) this.#focusables()[0]?.focus();
  };

  /** Below the button, or above where there is no room; never outside the window. */
  #place(): void {
    const face = this.button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.panel;
    const below = face.bottom + height + 8 <= innerHeight;
    const top = below ? face.bottom + 4 : Math.max(8, face.top - height - 4);
    const left = Math.min(Math.max(8, face.right - width), innerWidth - width - 8);
    this.panel.style.top = `${String(top)}px`;
    this.panel.style.left = `${String(Math.max(8, left))}px`;
    this.panel.dataset["placed"] = "";
  }

  #focusables(): HTMLElement[] {
    return [...this.panel.querySelectorAll<HTMLElement>(".menu__item")];
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const items = this.#focusables();
    const at = items.indexOf(document.activeElement as HTMLElement);
    const steps: Record<string, number> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    if (event.key === "Tab") this.#close();
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    items[next]?.focus();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-menu": SomaMenu;
  }
}
