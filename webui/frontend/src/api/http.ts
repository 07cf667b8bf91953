/**
 * One way to ask the server: JSON in, JSON out, every failure a problem object.
 *
 * Adds the CSRF header to unsafe methods and reports an ended session once. Callers never see
 * a raw Response, and never a failure without words.
 */
import { msg } from "@lit/localize";
import { readProblem } from "./problem";
import type { Problem, RawProblem } from "./problem";

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
    this.name = "ApiError";
  }
}

export interface HttpHooks {
  csrfToken(): string | null;
  /** Fetches the session again; true when a request may be repeated with the new token. */
  refreshSession(): Promise<boolean>;
  sessionEnded(): void;
  passwordDue(): void;
  /** Acting as somebody is over; true when the page goes on as oneself. */
  actingEnded(): Promise<boolean>;
  /** Lets the person confirm who it is; true when what was refused may be sent again. */
  stepUp(): Promise<boolean>;
}

export interface RequestOptions {
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** Text that is sent as it is, under its own content type, instead of `body`. */
  raw?: { content: string; type: string };
  /** The request outlives the page. */
  keepalive?: boolean;
  timeoutMs?: number;
  /** A 401 answers this request and does not end a session: used by sign-in alone. */
  anonymous?: boolean;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const BASE = "/api/v2";
const TIMEOUT_MS = 60_000;

function clientProblem(code: string, title: string, detail: string): Problem {
  return { type: `/problems/${code}`, title, status: 0, detail, instance: "", code };
}

/** Any failure as a problem that can be shown. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof ApiError) return failure.problem;
  if (failure instanceof DOMException && failure.name === "TimeoutError") {
    return clientProblem(
      "timeout",
      msg("The server took too long to answer"),
      msg("Nothing is lost. Try again in a moment."),
    );
  }
  if (failure instanceof TypeError) {
    return clientProblem(
      "network",
      msg("The server cannot be reached"),
      msg("Check your connection, then try again."),
    );
  }
  return clientProblem(
    "unexpected",
    msg("Something went wrong in this page"),
    msg("Try again; reload the page if it happens again."),
  );
}

export function isAbort(failure: unknown): boolean {
  return failure instanceof DOMException && failure.name === "AbortError";
}

async function problemIn(response: Response): Promise<Problem> {
  const requestId = response.headers.get("X-Request-ID") ?? "";
  try {
    const problem = readProblem((await response.json()) as RawProblem, response.status);
    if (problem.code !== "") return { ...problem, instance: problem.instance || requestId };
  } catch {
    // Not JSON: a proxy in between has answered. Said below.
  }
  return {
    ...clientProblem(
      "bad-answer",
      msg("The server gave an answer that cannot be read"),
      msg("It may be starting or being replaced. Try again in a moment."),
    ),
    status: response.status,
    instance: requestId,
  };
}

export class Http {
  constructor(private readonly hooks: HttpHooks) {}

  get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#request<T>("GET", path, options);
  }

  post<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.#request<T>("POST", path, { ...options, body });
  }

  put<T>(path: string, body?: unknown): Promise<T> {
    return this.#request<T>("PUT", path, { body });
  }

  patch<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.#request<T>("PATCH", path, { ...options, body });
  }

  delete<T = undefined>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#request<T>("DELETE", path, options);
  }

  /** The answer as it comes in, for what is too large to be read at once. */
  stream(path: string, options: RequestOptions = {}): Promise<Response> {
    return this.#ask("GET", path, options);
  }

  async #request<T>(method: Method, path: string, options: RequestOptions): Promise<T> {
    return await this.#read<T>(await this.#ask(method, path, options));
  }

  async #ask(method: Method, path: string, options: RequestOptions): Promise<Response> {
    let response = await this.#fetch(method, path, options);
    if (response.ok) return response;
    let problem = await problemIn(response);
    if (problem.status === 403 && problem.code.includes("csrf")) {
      // Another tab has signed in anew: the same person may go on with the new token.
      if (await this.hooks.refreshSession()) {
        response = await this.#fetch(method, path, options);
        if (response.ok) return response;
        problem = await problemIn(response);
      }
    }
    if (problem.code === "step-up-required" && (await this.hooks.stepUp())) {
      response = await this.#fetch(method, path, options);
      if (response.ok) return response;
      problem = await problemIn(response);
    }
    // Loaded anew as oneself: what was asked for is not asked again.
    const goesOn = problem.code === "impersonation-ended" && (await this.hooks.actingEnded());
    if (problem.status === 401 && !goesOn && options.anonymous !== true) this.hooks.sessionEnded();
    if (problem.code === "password-change-required") this.hooks.passwordDue();
    throw new ApiError(problem);
  }

  #fetch(method: Method, path: string, options: RequestOptions): Promise<Response> {
    const url = new URL(BASE + path, location.origin);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== null && value !== undefined && value !== "") {
        url.searchParams.set(name, String(value));
      }
    }
    const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
    const token = this.hooks.csrfToken();
    if (method !== "GET" && token !== null) headers["X-CSRF-Token"] = token;
    const content = options.raw?.content ?? (options.body === undefined ? null : JSON.stringify(options.body));
    if (content !== null) headers["Content-Type"] = options.raw?.type ?? "application/json";
    const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    return fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
      keepalive: options.keepalive ?? false,
      ...(content === null ? {} : { body: content }),
    });
  }

  async #read<T>(response: Response): Promise<T> {
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  }
}
