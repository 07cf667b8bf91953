/** The connection: opened once, kept alive, opened again, and never after the session ended. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Mock } from "vitest";
import { ChatSocket } from "../src/chat/socket";
import type { SocketHooks } from "../src/chat/socket";

/** The browser's WebSocket, as far as it is used. */
class Wire extends EventTarget {
  static readonly OPEN = 1;
  static all: Wire[] = [];
  readyState = Wire.OPEN;
  sent: { type: string }[] = [];

  constructor(readonly url: string) {
    super();
    Wire.all.push(this);
  }

  static get last(): Wire {
    const wire = Wire.all.at(-1);
    if (wire === undefined) throw new Error("nothing was opened");
    return wire;
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as { type: string });
  }

  close(): void {
    this.readyState = 3;
  }

  receive(type: string): void {
    const data = JSON.stringify({ type, id: "s", timestamp: "", payload: {} });
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  drop(code: number): void {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

let socket: ChatSocket;
let hooks: { [K in keyof SocketHooks]: Mock<SocketHooks[K]> };

beforeEach(() => {
  vi.useFakeTimers();
  Wire.all = [];
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("document", new EventTarget());
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  hooks = { onFrame: vi.fn(), onOpen: vi.fn(), onSessionEnded: vi.fn(), onDoubt: vi.fn() };
  socket = new ChatSocket(
    () => "ws://host/ws/v2/chat",
    hooks,
    () => 0.5,
  );
  socket.start();
});

afterEach(() => {
  socket.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the connection", () => {
  test("counts as open only when the server has said so", () => {
    expect(socket.state.state).toBe("connecting");
    expect(socket.send("ping", {})).toBeNull();
    Wire.last.receive("connected");
    expect(socket.state.state).toBe("open");
    expect(socket.send("ping", {})).not.toBeNull();
    expect(hooks.onOpen).toHaveBeenCalledOnce();
  });

  test("is opened again after a loss, and says so meanwhile", () => {
    Wire.last.receive("connected");
    Wire.last.drop(1006);
    expect(socket.state.state).toBe("waiting");
    vi.advanceTimersByTime(1000);
    expect(Wire.all).toHaveLength(2);
    Wire.last.receive("connected");
    expect(socket.state.connections).toBe(2);
  });

  test("is given up when the session has ended", () => {
    Wire.last.receive("connected");
    Wire.last.drop(4001);
    vi.advanceTimersByTime(120_000);
    expect(Wire.all).toHaveLength(1);
    expect(hooks.onSessionEnded).toHaveBeenCalledOnce();
  });

  test("asks about the session when it is refused again and again", () => {
    Wire.last.drop(1006);
    expect(hooks.onDoubt).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    Wire.last.drop(1006);
    expect(hooks.onDoubt).toHaveBeenCalledOnce();
  });

  test("that no longer answers is found by the heart-beat", () => {
    Wire.last.receive("connected");
    vi.advanceTimersByTime(25_000);
    expect(Wire.last.sent.map(({ type }) => type)).toEqual(["ping"]);
    vi.advanceTimersByTime(10_000);
    expect(socket.state.state).toBe("waiting");
  });

  test("that answers the heart-beat stays", () => {
    Wire.last.receive("connected");
    for (let i = 0; i < 5; i += 1) {
      vi.advanceTimersByTime(25_000);
      Wire.last.receive("pong");
    }
    expect(Wire.all).toHaveLength(1);
    expect(socket.state.state).toBe("open");
  });

  test("that never becomes ready is not waited for", () => {
    vi.advanceTimersByTime(10_000);
    expect(socket.state.state).toBe("waiting");
  });
});
