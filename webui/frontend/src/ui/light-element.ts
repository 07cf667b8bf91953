/**
 * The base of every page element: light DOM, so that labels, ARIA ids, find-in-page, print and
 * the global tokens simply work.
 */
import { consume } from "@lit/context";
import { LitElement } from "lit";
import { servicesContext } from "../services";
import type { Services } from "../services";

export class LightElement extends LitElement {
  @consume({ context: servicesContext })
  protected services!: Services;

  protected override createRenderRoot(): this {
    return this;
  }
}
