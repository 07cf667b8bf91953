/** The mode: taken from frames, plain production again with a new connection. */
import { describe, expect, it } from "vitest";
import type { ServerFrame } from "../src/generated/frames";
import { ModeStore } from "../src/settings/mode-store";

const TEST = { platform: "production", effective: "test", is_enterprise: false };

function told(...frames: [type: "mode" | "connected", payload: unknown][]): string {
  const store = new ModeStore();
  for (const [type, payload] of frames) {
    store.onFrame({ type, id: "1", timestamp: "", payload } as ServerFrame);
  }
  return store.state.mode.effective;
}

describe("ModeStore", () => {
  it("is production until something else is pushed", () => {
    expect(told()).toBe("production");
    expect(told(["mode", TEST])).toBe("test");
  });

  it("forgets what another connection was told", () => {
    expect(told(["mode", TEST], ["connected", {}])).toBe("production");
  });
});
