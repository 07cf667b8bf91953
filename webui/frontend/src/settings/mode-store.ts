/** In which mode the platform and the tenant work, as the server pushes it; silence: production. */
import type { Mode, ServerFrame } from "../generated/frames";
import { Store } from "../store";

export interface ModeStatus {
  mode: Mode;
}

const PRODUCTION: Mode = { platform: "production", effective: "production", is_enterprise: false };

export class ModeStore extends Store<ModeStatus> {
  constructor() {
    super({ mode: PRODUCTION });
  }

  onFrame(frame: ServerFrame): void {
    // A new connection starts from nothing: another mode is told right after.
    if (frame.type === "connected") this.reset();
    if (frame.type === "mode") this.patch({ mode: frame.payload });
  }

  reset(): void {
    if (this.state.mode !== PRODUCTION) this.patch({ mode: PRODUCTION });
  }
}
