/** Calls of the public API, one plain HTTP request each. Types are those of the OpenAPI document. */

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The address that the page came from, with a slash at its end; a proxy may have put a path before ours. */
export const BASE_URL = new URL(".", document.baseURI).href;

/** Tells this server from others behind the same host: for names that all pages of an origin share. */
export const SERVER_PATH = new URL(BASE_URL).pathname;

const ANSWER_MS = 30_000;
/** 64 kbit/s, which is what a phone has far from anything: a request is given up when the line is slower. */
const SLOWEST_CHARS_PER_MS = 8;

/** The server was not reached, or did not answer: nothing is known of what became of the request. */
export class Unreachable extends Error {}

/**
 * The server, or a proxy before it, refused. `code` is one of the contract's (docs/api.md, Errors), or `http_<status>`
 * when the answer is no problem document; `detail` is for people.
 */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterMs: number | null,
  ) {
    super(detail);
  }

  /** Whether the same request may succeed later, unchanged. */
  get isPassing(): boolean {
    if (this.code.startsWith("http_")) return this.status >= 500 || PASSING_STATUSES.has(this.status);
    return PASSING_CODES.has(this.code);
  }
}

/** Of a proxy: RFC 9110, sections 15.5.9 and 15.5.20; RFC 8470, section 5.2; RFC 6585, section 4. */
const PASSING_STATUSES = new Set([408, 421, 425, 429]);
const PASSING_CODES = new Set(["rate_limited", "shutting_down", "request_timeout"]);

export const api: Client<paths> = createClient<paths>({ baseUrl: BASE_URL, fetch: fetchFor(0) });

/** What the call answers. Raises: Refused, Unreachable; an AbortError when it was cancelled. */
export async function answerOf<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await reached(call);
  if (!response.ok) throw refusalOf(response, error);
  return data as T;
}

/** What `response`, which is no success, says. `body` is its JSON, or its text. */
export function refusalOf(response: Response, body: unknown): Refused {
  const problem = isRecord(body) ? body : {};
  const code = typeof problem.code === "string" ? problem.code : `http_${response.status}`;
  const detail =
    typeof problem.detail === "string" ? problem.detail : `${response.status} ${response.statusText}`.trim();
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new Refused(response.status, code, detail, Number.isFinite(after) ? after * 1000 : null);
}

/** `promise`, with every failure of the network as Unreachable. */
export async function reached<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    if (error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError) {
      throw new Unreachable(error.message);
    }
    throw error;
  }
}

/** `fetch` that gives up after the time in which a body of that size goes out over a slow line, and is answered. */
export function fetchFor(sizeChars: number): (request: Request) => Promise<Response> {
  const waitMs = ANSWER_MS + Math.ceil(sizeChars / SLOWEST_CHARS_PER_MS);
  return (request) => fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(waitMs)]) });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
