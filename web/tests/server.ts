/** A server that a test plays: it holds each request until the test answers it. Stands in for `fetch`. */

import { vi } from "vitest";
import { until } from "./until";

export class Call {
  readonly answered: Promise<Response>;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;
  #stream: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(readonly request: Request) {
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const end = () => {
      this.#reject(request.signal.reason);
      this.#stream?.error(request.signal.reason);
      this.#stream = null;
    };
    if (request.signal.aborted) end();
    else request.signal.addEventListener("abort", end);
  }

  get isAborted(): boolean {
    return this.request.signal.aborted;
  }

  get path(): string {
    const { pathname, search } = new URL(this.request.url);
    return pathname + search;
  }

  /** The body that was sent. */
  body(): Promise<Record<string, unknown>> {
    return this.request.clone().json() as Promise<Record<string, unknown>>;
  }

  answer(response: Response): void {
    this.#resolve(response);
  }

  json(body: unknown, status = 200, headers: Record<string, string> = {}): void {
    this.answer(Response.json(body, { status, headers }));
  }

  refuse(status: number, code: string, headers: Record<string, string> = {}): void {
    this.json({ code, detail: code, success: false }, status, headers);
  }

  /** The network is gone. */
  fail(): void {
    this.#reject(new TypeError("Failed to fetch"));
    this.#stream?.error(new TypeError("network error"));
    this.#stream = null;
  }

  /** Begin a stream of events. */
  open(): void {
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        this.#stream = stream;
      },
    });
    this.#resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  }

  /** Send text of the stream. */
  send(text: string): void {
    this.#stream?.enqueue(new TextEncoder().encode(text));
  }

  /** End the stream. */
  end(): void {
    this.#stream?.close();
    this.#stream = null;
  }
}

export class FakeServer {
  readonly calls: Call[] = [];

  constructor() {
    vi.stubGlobal("fetch", (input: Request | URL, init?: RequestInit) => {
      const call = new Call(new Request(input, init));
      this.calls.push(call);
      return call.answered;
    });
  }

  /** The call of that number with this method and the beginning of its path, as soon as it is made. */
  async call(start: string, number = 0): Promise<Call> {
    return until(() => this.all(start)[number]);
  }

  all(start: string): Call[] {
    return this.calls.filter(({ request, path }) => `${request.method} ${path}`.startsWith(start));
  }
}

/** An event of a run as it goes over the wire. */
export function event(id: number, type: string, data: object): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Let go what is ready. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
