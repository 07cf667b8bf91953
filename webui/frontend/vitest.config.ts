/** Unit tests of the pure parts; journeys in a real browser are the Python suite's. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { environment: "node", include: ["tests/**/*.test.ts"], reporters: ["default"] },
});
