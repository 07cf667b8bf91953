/**
 * Problem objects (RFC 9457) as the server sends them in answers, frames and stored turns.
 *
 * Their type is open there; here they are read once into what the interface shows.
 */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The request id, by which an operator finds the failure. */
  instance: string;
  code: string;
  errors?: { pointer: string; detail: string }[];
  retry_after?: number;
  /** Where the browser goes with it, instead of showing it. */
  redirect_to?: string;
}

/** A problem object as it comes over the wire. */
export type RawProblem = Record<string, unknown>;

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function fieldErrors(value: unknown): { pointer: string; detail: string }[] | null {
  if (!Array.isArray(value)) return null;
  return value
    .filter((item): item is RawProblem => typeof item === "object" && item !== null)
    .map((item) => ({ pointer: text(item["pointer"]), detail: text(item["detail"]) }));
}

/** Reads a problem object; what is missing is empty, so that something can always be shown. */
export function readProblem(raw: RawProblem, status = 0): Problem {
  const errors = fieldErrors(raw["errors"]);
  const retryAfter = raw["retry_after"];
  const redirectTo = raw["redirect_to"];
  const title = text(raw["title"]);
  const detail = text(raw["detail"]);
  return {
    type: text(raw["type"]),
    title: title === "" ? detail : title,
    status: typeof raw["status"] === "number" ? raw["status"] : status,
    detail: detail === title ? "" : detail,
    instance: text(raw["instance"]),
    code: text(raw["code"]),
    ...(errors === null ? {} : { errors }),
    ...(typeof retryAfter === "number" ? { retry_after: retryAfter } : {}),
    ...(typeof redirectTo === "string" ? { redirect_to: redirectTo } : {}),
  };
}
