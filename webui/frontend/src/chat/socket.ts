/**
 * One WebSocket to `/ws/v2/chat`, kept open for as long as someone is signed in.
 *
 * Owns connecting, back-off, heart-beat and the meaning of close codes. It never keeps
 * messages: what must survive a lost connection lies in the outbox.
 */
import type { ClientPayloads, ServerFrame } from "../generated/frames";
import { Store } from "../store";
import { backoffMs } from "./backoff";

export type LinkState = "closed" | "connecting" | "open" | "waiting" | "offline" | "refused";

export interface LinkStatus {
  state: LinkState;
  /** Epoch milliseconds of the next attempt while `waiting`. */
  retryAt: number | null;
  /** How often the connection has been made; above 1 means it was lost in between. */
  connections: number;
}

export interface SocketHooks {
  onFrame(frame: ServerFrame): void;
  onOpen(): void;
  /** The server said that nobody is signed in on this socket. */
  onSessionEnded(): void;
  /** Forbidden, or refused before it opened: the caller checks the session over REST. */
  onDoubt(): void;
}

const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
const CONNECTED_WITHIN_MS = 10_000;
const CLOSE_NOT_SIGNED_IN = 4001;
const CLOSE_FORBIDDEN = 4003;
const CLOSE_HEARTBEAT_LOST = 4900;

export class ChatSocket extends Store<LinkStatus> {
  #socket: WebSocket | null = null;
  #wanted = false;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setTimeout> | undefined;
  #awaitingPong = false;
  #nextId = 0;

  constructor(
    private readonly url: () => string,
    private readonly hooks: SocketHooks,
    private readonly random: () => number = Math.random,
  ) {
    super({ state: "closed", retryAt: null, connections: 0 });
  }

  /** Connects, and reconnects until `stop`. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    globalThis.addEventListener("online", this.reconnectNow);
    globalThis.addEventListener("offline", this.#onOffline);
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#connect();
  }

  stop(): void {
    this.#wanted = false;
    globalThis.removeEventListener("online", this.reconnectNow);
    globalThis.removeEventListener("offline", this.#onOffline);
    document.removeEventListener("visibilitychange", this.#onVisible);
    this.#drop();
    this.patch({ state: "closed", retryAt: null, connections: 0 });
  }

  /** Does not wait for the back-off: the user asked, or the network is back. */
  readonly reconnectNow = (): void => {
    if (!this.#wanted || this.state.state === "open" || this.state.state === "connecting") return;
    this.#attempt = 0;
    this.#connect();
  };

  /** Sends a frame and gives its id, or null when there is no connection. */
  send<T extends keyof ClientPayloads>(type: T, payload: ClientPayloads[T]): string | null {
    if (this.state.state !== "open" || this.#socket?.readyState !== WebSocket.OPEN) return null;
    this.#nextId += 1;
    const id = `c${String(this.#nextId)}`;
    this.#socket.send(JSON.stringify({ type, id, timestamp: new Date().toISOString(), payload }));
    return id;
  }

  readonly #onOffline = (): void => {
    this.#drop();
    this.patch({ state: "offline", retryAt: null });
  };

  readonly #onVisible = (): void => {
    if (document.visibilityState !== "visible") return;
    // Timers sleep in a hidden page: find out now whether the connection still lives.
    if (this.state.state === "open") this.#ping();
    else this.reconnectNow();
  };

  #connect(): void {
    this.#drop();
    this.patch({ state: "connecting", retryAt: null });
    const socket = new WebSocket(this.url());
    this.#socket = socket;
    this.#timer = setTimeout(() => {
      socket.close(CLOSE_HEARTBEAT_LOST);
      this.#closed(socket, CLOSE_HEARTBEAT_LOST);
    }, CONNECTED_WITHIN_MS);
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (socket === this.#socket) this.#received(event.data);
    });
    socket.addEventListener("close", (event) => {
      this.#closed(socket, event.code);
    });
  }

  #received(data: string): void {
    const frame = JSON.parse(data) as ServerFrame;
    this.#awaitingPong = false;
    this.#scheduleBeat();
    if (frame.type === "ping") {
      this.send("pong", {});
      return;
    }
    if (frame.type === "connected") {
      clearTimeout(this.#timer);
      this.#attempt = 0;
      this.patch({ state: "open", retryAt: null, connections: this.state.connections + 1 });
      this.hooks.onOpen();
    }
    this.hooks.onFrame(frame);
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    const wasOpen = this.state.state === "open";
    this.#drop();
    if (code === CLOSE_NOT_SIGNED_IN) {
      this.stop();
      this.hooks.onSessionEnded();
      return;
    }
    if (code === CLOSE_FORBIDDEN) {
      this.patch({ state: "refused", retryAt: null });
      this.hooks.onDoubt();
      return;
    }
    // A handshake refused over HTTP looks like a lost network: let REST tell the two apart.
    if (!wasOpen && this.#attempt > 0) this.hooks.onDoubt();
    this.#wait();
  }

  #wait(): void {
    if (!this.#wanted) return;
    if (!navigator.onLine) {
      this.patch({ state: "offline", retryAt: null });
      return;
    }
    const delay = backoffMs(this.#attempt, this.random());
    this.#attempt += 1;
    this.patch({ state: "waiting", retryAt: Date.now() + delay });
    this.#timer = setTimeout(() => {
      this.#connect();
    }, delay);
  }

  #scheduleBeat(): void {
    clearTimeout(this.#beat);
    this.#beat = setTimeout(() => {
      this.#ping();
    }, PING_EVERY_MS);
  }

  #ping(): void {
    if (this.#awaitingPong || this.send("ping", {}) === null) return;
    this.#awaitingPong = true;
    const socket = this.#socket;
    clearTimeout(this.#beat);
    this.#beat = setTimeout(() => {
      if (socket === null || !this.#awaitingPong) return;
      socket.close(CLOSE_HEARTBEAT_LOST);
      this.#closed(socket, CLOSE_HEARTBEAT_LOST);
    }, PONG_WITHIN_MS);
  }

  /** Lets go of the socket without telling anyone. */
  #drop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#beat);
    this.#awaitingPong = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
