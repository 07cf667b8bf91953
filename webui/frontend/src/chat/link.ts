/** How stores speak to the server without knowing of sockets. */
import type { ClientPayloads } from "../generated/frames";

export interface Link {
  /** Sends a frame and gives its id, or null when there is no connection. */
  send<T extends keyof ClientPayloads>(type: T, payload: ClientPayloads[T]): string | null;
}
