/** How long to wait before the next attempt: exponential, with full jitter above a floor. */

export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 30_000;
const FLOOR_MS = 250;

/** The delay before attempt number `attempt` (0 = first repetition); `random` is in [0, 1). */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
  return Math.round(FLOOR_MS + random * (ceiling - FLOOR_MS));
}
