/**
 * What an agent has learnt, as a series of states for charts, tables and the way back. Pure.
 *
 * The server keeps the state before each change; a point here is the state after one.
 */
import type { Adaptation, StateAt } from "./types";

export type Values = Record<string, number>;

export interface Point {
  /** Null: the oldest state that is known, before the first change that is kept. */
  change: Pick<StateAt, "at" | "cause" | "reason" | "is_undone"> | null;
  levels: Values;
  weights: Values;
}

/** Oldest first; the last point is what is now. */
export function pointsOf(adaptation: Adaptation): Point[] {
  const { history } = adaptation;
  const oldest = history.at(-1);
  const now: Point = {
    change: history[0] ?? null,
    levels: { ...adaptation.levels },
    weights: { ...adaptation.weights },
  };
  if (oldest === undefined) return [now];
  const points: Point[] = [
    { change: null, levels: { ...oldest.levels }, weights: { ...oldest.weights } },
  ];
  for (let index = history.length - 1; index > 0; index -= 1) {
    const change = history[index];
    const after = history[index - 1];
    if (change === undefined || after === undefined) continue;
    points.push({ change, levels: { ...after.levels }, weights: { ...after.weights } });
  }
  return [...points, now];
}

/** How many steps back undo the change at `index` of the history, newest first; 0: it is undone. */
export function stepsBack(history: readonly Pick<StateAt, "is_undone">[], index: number): number {
  if (history[index]?.is_undone !== false) return 0;
  return history.slice(0, index + 1).filter((one) => !one.is_undone).length;
}

export interface Scale {
  low: number;
  high: number;
}

/** Where a value stands within its scale, 0 to 1. */
export function shareOf(value: number, { low, high }: Scale): number {
  return high === low ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/** A scale that holds all values and does not make noise look like a change. */
export function scaleOf(values: readonly number[], least = 0.05): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const missing = Math.max(0, least - (high - low)) / 2;
  const margin = (high - low) * 0.08;
  return { low: low - missing - margin, high: high + missing + margin };
}

/** The points of an SVG polyline in a box of `width` by `height`. */
export function polyline(values: readonly number[], scale: Scale, width: number, height: number): string {
  const steps = Math.max(1, values.length - 1);
  return values
    .map((value, index) => {
      const x = values.length === 1 ? width : (index / steps) * width;
      const y = height - shareOf(value, scale) * height;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}

/** As many decimals as the range needs. */
export function shownValue(value: number, range: Scale | null = null): string {
  const digits = range !== null && range.high - range.low <= 0.2 ? 3 : 2;
  return new Intl.NumberFormat(undefined, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}
