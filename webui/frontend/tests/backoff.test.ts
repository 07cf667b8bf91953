/** Reconnecting: soon at first, never in step with others, never too seldom. */
import { expect, test } from "vitest";
import { LONGEST_DELAY_MS, backoffMs } from "../src/chat/backoff";

test("the longest possible wait doubles up to its limit", () => {
  const longest = [0, 1, 2, 3, 10, 1000].map((attempt) => backoffMs(attempt, 0.999_999));
  expect(longest).toEqual([500, 1000, 2000, 4000, LONGEST_DELAY_MS, LONGEST_DELAY_MS]);
});

test("the wait is spread over the whole range, so that a crowd does not return at once", () => {
  expect(backoffMs(5, 0)).toBe(250);
  expect(backoffMs(5, 0.5)).toBeGreaterThan(7000);
});
