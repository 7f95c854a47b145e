/** The reply that is being written, as far as its events were seen. Following them: conversation.ts. */

import { batch, signal } from "@preact/signals";
import type { Schemas } from "../api/client";
import { Frames } from "../live/frames";
import type { Line, RunDone, RunEvent, RunFailed } from "../live/run-events";
import type { Entry } from "./outbox";

export interface Question {
  text: string;
  /** `data:` URLs. */
  images: readonly string[];
}

/** How a run came to its end. */
export type Ending = { type: "done"; done: RunDone } | { type: "failed"; failed: RunFailed };

export class LiveReply {
  readonly text;
  readonly reasoning;
  readonly toolCalls;
  readonly provider = signal("");
  readonly model = signal("");
  /** A call gave nothing, and another one is made; null once text comes. */
  readonly retry = signal<{ provider: string; delayS: number; detail: string } | null>(null);
  readonly line = signal<Line>("waiting");
  /** `queued` until its first event. */
  readonly state = signal<"queued" | "running" | "stopping" | "ended">("queued");
  readonly ending = signal<Ending | null>(null);
  /** The id of the message that this will be; empty while the run waits for another one. */
  readonly messageId = signal("");

  #frames = new Frames();
  #text: string;
  #reasoning: string;
  lastEventId: number;

  constructor(
    readonly runId: string,
    /** What the user asked, when that is in no history yet. */
    readonly question: Question | null,
    /** The id of the reply that this one goes on with. */
    readonly continues: string | null,
    so_far: {
      messageId: string;
      text: string;
      reasoning: string;
      toolCalls: Schemas["ToolCall"][];
      lastEventId: number;
    },
  ) {
    this.#text = so_far.text;
    this.#reasoning = so_far.reasoning;
    this.text = signal(so_far.text);
    this.reasoning = signal(so_far.reasoning);
    this.toolCalls = signal<readonly Schemas["ToolCall"][]>(so_far.toolCalls);
    this.messageId.value = so_far.messageId;
    this.lastEventId = so_far.lastEventId;
    if (so_far.lastEventId >= 0) this.state.value = "running";
  }

  /** Take events in; text is shown with the next frame. */
  take(events: readonly RunEvent[]): void {
    batch(() => {
      for (const event of events) this.#takeOne(event);
      if (this.ending.value !== null) this.#show();
    });
    this.lastEventId = events.at(-1)?.id ?? this.lastEventId;
    if (this.ending.value === null) this.#frames.ask(() => this.#show());
  }

  #show(): void {
    batch(() => {
      this.text.value = this.#text;
      this.reasoning.value = this.#reasoning;
    });
  }

  #takeOne(event: RunEvent): void {
    switch (event.type) {
      case "start":
        this.provider.value = event.data.provider;
        this.model.value = event.data.model;
        this.messageId.value = event.data.message_id;
        if (this.state.value === "queued") this.state.value = "running";
        break;
      case "retry":
        this.provider.value = event.data.provider;
        this.model.value = event.data.model;
        this.retry.value = {
          provider: event.data.failed.provider,
          delayS: event.data.delay_s,
          detail: event.data.failed.detail,
        };
        break;
      case "delta":
        this.#text += event.data.text;
        this.retry.value = null;
        break;
      case "reasoning":
        this.#reasoning += event.data.text;
        this.retry.value = null;
        break;
      case "tool_call":
        this.toolCalls.value = [...this.toolCalls.value, event.data];
        break;
      case "usage":
        break; // the end has it too
      case "done":
        this.ending.value = { type: "done", done: event.data };
        this.state.value = "ended";
        break;
      case "failed":
        this.ending.value = { type: "failed", failed: event.data };
        this.state.value = "ended";
        break;
    }
  }
}

/** The turn that is going in a chat, as its history tells it. */
export function liveReplyOfRun(run: Schemas["ActiveRun"]): LiveReply {
  const question = run.message === null ? null : { text: run.message, images: run.images ?? [] };
  const live = new LiveReply(run.run_id, question, run.continues ?? null, {
    messageId: run.message_id,
    text: run.response,
    reasoning: run.reasoning ?? "",
    toolCalls: run.tool_calls ?? [],
    lastEventId: run.last_event_id,
  });
  live.provider.value = run.provider ?? "";
  live.model.value = run.model ?? "";
  return live;
}

/** What was asked here and is taken by the server, of which nothing was seen yet. */
export function liveReplyOfEntry(entry: Entry): LiveReply {
  const isQuestion = entry.kind === "send" || entry.kind === "edit";
  const question = isQuestion ? { text: entry.body.message ?? "", images: entry.body.images ?? [] } : null;
  const continues = entry.kind === "continue" ? (entry.body.message_id ?? null) : null;
  const nothing = { messageId: "", text: "", reasoning: "", toolCalls: [], lastEventId: -1 };
  return new LiveReply(entry.runId ?? "", question, continues, nothing);
}
