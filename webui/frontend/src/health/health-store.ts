/** What is limited just now, as the server pushes it; empty while all is well or nothing is known. */
import type { Health, ServerFrame } from "../generated/frames";
import { Store } from "../store";

export interface HealthStatus {
  health: Health | null;
}

export class HealthStore extends Store<HealthStatus> {
  constructor() {
    super({ health: null });
  }

  onFrame(frame: ServerFrame): void {
    // A new connection starts from nothing: the server tells what is limited right after.
    if (frame.type === "connected") this.#show(null);
    if (frame.type === "health") {
      this.#show(frame.payload.limitations.length === 0 ? null : frame.payload);
    }
  }

  reset(): void {
    this.#show(null);
  }

  #show(health: Health | null): void {
    if (health !== this.state.health) this.patch({ health });
  }
}
