/** The operations of `/saas/setup`, and those of others that its steps need. */
import type { Http } from "../api/http";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type Setup = Schemas["OrganisationSetupOut"];
export type SetupStep = Schemas["SetupStepOut"];
export type StepName = SetupStep["name"];
export type StepState = SetupStep["state"];

export class SetupApi {
  constructor(private readonly http: Http) {}

  setup(): Promise<Setup> {
    return this.http.get("/saas/setup");
  }

  mark(step: StepName, state: StepState): Promise<Setup> {
    return this.http.put(`/saas/setup/steps/${step}`, { state });
  }

  putOff(): Promise<Setup> {
    return this.http.put("/saas/setup/later");
  }

  /** `brandColour`: `#rrggbb`, or empty for the interface's own. */
  changeOrganisation(name: string, brandColour: string): Promise<Setup> {
    return this.http.patch("/saas/setup/organisation", { name, brand_colour: brandColour });
  }

  changeAddress(address: string): Promise<Setup> {
    return this.http.put("/saas/setup/address", { address });
  }

  async models(): Promise<number> {
    const { items } = await this.http.get<{ items: unknown[] }>("/gateway/models");
    return items.length;
  }

  createAgent(name: string, instructions: string): Promise<unknown> {
    return this.http.post("/agents", { name, instructions });
  }
}
