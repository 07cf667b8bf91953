/**
 * Memories in and out as JSON lines, in portions, so that progress is real and can be stopped.
 *
 * Pure but for the calls that it is given.
 */
import type { ImportResult } from "./types";

/** Fewer lines and bytes than the server takes at once. */
const LINES_AT_ONCE = 250;
const CHARS_AT_ONCE = 1_000_000;

export interface Portion {
  /** Number of the first line in the file, from 1. */
  firstLine: number;
  lines: readonly string[];
}

/** Cuts a file into portions; empty lines count, so that numbers are those of the file. */
export function portionsOf(text: string): Portion[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  const portions: Portion[] = [];
  let first = 0;
  let chars = 0;
  lines.forEach((line, index) => {
    const isFull = index - first >= LINES_AT_ONCE || chars + line.length > CHARS_AT_ONCE;
    if (isFull && index > first) {
      portions.push({ firstLine: first + 1, lines: lines.slice(first, index) });
      first = index;
      chars = 0;
    }
    chars += line.length + 1;
  });
  if (first < lines.length) portions.push({ firstLine: first + 1, lines: lines.slice(first) });
  return portions;
}

export interface ImportProgress extends ImportResult {
  doneLines: number;
  allLines: number;
}

/** Sends portion after portion and reports after each; refused lines carry numbers of the file. */
export async function importLines(
  text: string,
  send: (lines: string) => Promise<ImportResult>,
  report: (progress: ImportProgress) => void,
): Promise<ImportProgress> {
  const portions = portionsOf(text);
  const last = portions.at(-1);
  const allLines = last === undefined ? 0 : last.firstLine - 1 + last.lines.length;
  let progress: ImportProgress = { kept: 0, known: 0, refused: [], doneLines: 0, allLines };
  report(progress);
  for (const { firstLine, lines } of portions) {
    const result = await send(`${lines.join("\n")}\n`);
    progress = {
      kept: progress.kept + result.kept,
      known: progress.known + result.known,
      refused: [
        ...progress.refused,
        ...result.refused.map(({ line, detail }) => ({ line: line + firstLine - 1, detail })),
      ],
      doneLines: progress.doneLines + lines.length,
      allLines,
    };
    report(progress);
  }
  return progress;
}

/** Reads a stream of lines to its end; `report` gets the number of lines so far. */
export async function readLines(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  report: (lines: number) => void,
): Promise<{ file: Blob; lines: number }> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let lines = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    for (const byte of value) if (byte === 10) lines += 1;
    report(lines);
  }
  return { file: new Blob(parts, { type: "application/x-ndjson" }), lines };
}
