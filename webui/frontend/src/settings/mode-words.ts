/** Names of the operating modes. */
import { msg } from "@lit/localize";
import type { Mode } from "./settings-api";

export const MODES: readonly Mode[] = ["production", "test", "training", "developer"];

export function modeName(mode: Mode): string {
  switch (mode) {
    case "developer":
      return msg("Developer");
    case "training":
      return msg("Training");
    case "test":
      return msg("Test");
    case "production":
      return msg("Production");
  }
}
