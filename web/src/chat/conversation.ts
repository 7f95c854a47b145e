/**
 * One open chat: its stored messages, the reply that is being written, and what can be done with it. The server has the
 * truth; this follows it, also through breaks of the line and changes that other tabs and devices make.
 */

import { batch, computed, effect, signal } from "@preact/signals";
import { answerOf, api, Refused, type Schemas, Unreachable } from "../api/client";
import { announce } from "../chats/changes";
import { followRun } from "../live/run-events";
import { FINAL_STATES, type GenerationStats, onGeneration, onReturn } from "../live/status-feed";
import { noteUnauthorized } from "../session/session";
import { type Ending, LiveReply, type Question } from "./live-reply";
import { type Asked, ask, type Entry, outbox, remove } from "./outbox";

export type StoredMessage = Schemas["ShownMessage"];

const PAGE = 100; // messages
const OLDER_PAGE = 400;
/** A hidden tab lets go of its stream: browsers have six connections to one server for all tabs (HTTP/1.1). */
const HIDDEN_MS = 30_000;

/** `new` has no messages on the server yet. */
export type ConversationState = "loading" | "new" | "ready" | "failed";

export class Conversation {
  readonly state = signal<ConversationState>("loading");
  readonly problem = signal<Refused | Unreachable | null>(null);
  readonly title = signal("");
  readonly revision = signal(0);
  /** The active path, oldest first; older ones may be missing, see hasOlder. */
  readonly messages = signal<readonly StoredMessage[]>([]);
  readonly hasOlder = signal(false);
  readonly live = signal<LiveReply | null>(null);
  /** What came of stopping a reply here, by run id. */
  readonly receipts = signal<ReadonlyMap<string, Schemas["StopReceipt"]>>(new Map());
  /** How runs ended that were followed here, by run id: a history has no detail of a failure. */
  readonly endings = signal<ReadonlyMap<string, Ending>>(new Map());
  /** All that was asked and that no history has yet, oldest first. */
  readonly asked = computed(() => outbox.value.filter((entry) => entry.chatId === this.chatId));
  /** The same, but for what is answered now. */
  readonly pending = computed(() => this.asked.value.filter((entry) => entry.runId !== (this.live.value?.runId ?? "")));
  /** Whether a reply is written or waited for: nothing but a new question can be asked until its end. */
  readonly isBusy = computed(
    () => this.live.value !== null || this.pending.value.some((entry) => entry.state !== "refused"),
  );
  /** What the model is told before all messages; empty when that is nothing, or it is not loaded. */
  readonly systemPrompt = signal("");

  #closed = new AbortController();
  #following: AbortController | null = null;
  #loading: Promise<void> | null = null;
  #isStale = false;
  #ends: (() => void)[] = [];

  /** `isNew`: the id was just made, so that there is nothing to load. */
  constructor(
    readonly chatId: string,
    isNew = false,
  ) {
    if (isNew) this.state.value = "new";
    this.#ends.push(onGeneration((stats) => this.#hear(stats)));
    this.#ends.push(onReturn(() => void this.load()));
    this.#ends.push(effect(() => this.#takeUp(this.pending.value)));
    this.#ends.push(this.#restWhileHidden());
  }

  /** Let go of everything; nothing stops on the server. */
  close(): void {
    this.#closed.abort();
    this.#following?.abort();
    for (const end of this.#ends) end();
  }

  /** Read the newest messages and the live turn. Asked while it goes on, it is done once more after that. */
  load(): Promise<void> {
    if (this.#loading !== null) {
      this.#isStale = true;
      return this.#loading;
    }
    this.#loading = this.#loadAll().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** Read older messages. Raises: Refused, Unreachable. */
  async loadOlder(): Promise<void> {
    const [first] = this.messages.value;
    if (!this.hasOlder.value || first?.id === undefined || first.id === null) return;
    const query = { before: first.id, limit: OLDER_PAGE };
    const { history } = await this.#history(query);
    if (this.messages.value[0]?.id !== first.id) return; // changed meanwhile
    batch(() => {
      this.messages.value = [...history.messages, ...this.messages.value];
      this.hasOlder.value = history.has_more;
    });
  }

  /** Have `messageId` among the messages: read older ones, and switch to its path when it is on another one. */
  async reach(messageId: string): Promise<boolean> {
    await this.load();
    const isThere = () => this.messages.value.some((message) => message.id === messageId);
    while (!isThere() && this.hasOlder.value) await this.loadOlder();
    if (!isThere()) {
      await this.switchTo(messageId);
      while (!isThere() && this.hasOlder.value) await this.loadOlder();
    }
    return isThere();
  }

  /** Ask something new, to be answered after what is asked already. */
  send(question: Question, options: Omit<Schemas["SendBody"], "message" | "images">): Entry {
    return this.#ask({ kind: "send", body: { ...options, message: question.text, ...imagesOf(question) } });
  }

  /** Ask in other words what the user's message asked. */
  edit(messageId: string, question: Question, options: Partial<Schemas["EditBody"]>): Entry | null {
    const body = { ...options, message_id: messageId, message: question.text, images: [...question.images] };
    return this.#askOnce({ kind: "edit", body });
  }

  /** Have a reply made anew, beside the old one. */
  regenerate(messageId: string, options: Partial<Schemas["RegenerateBody"]>): Entry | null {
    return this.#askOnce({ kind: "regenerate", body: { ...options, message_id: messageId } });
  }

  /** Have a reply that broke off go on. */
  continueReply(messageId: string, options: Partial<Schemas["ContinueBody"]>): Entry | null {
    return this.#askOnce({ kind: "continue", body: { ...options, message_id: messageId } });
  }

  /** Make the newest path through the message the active one. Raises: Refused, Unreachable. */
  async switchTo(messageId: string): Promise<void> {
    const params = { path: { chat_id: this.chatId } };
    await answerOf(api.POST("/chat/branch/{chat_id}", { params, body: { message_id: messageId } }));
    announce({ chatId: this.chatId, change: "saved" });
    await this.load();
  }

  /** End the live run; its text stays. Raises: Refused, Unreachable. */
  async stop(): Promise<void> {
    const live = this.live.value;
    if (live === null || live.state.value === "ended") return;
    live.state.value = "stopping";
    try {
      const params = { path: { run_id: live.runId } };
      const receipt = await answerOf(api.POST("/runs/{run_id}/stop", { params }));
      this.receipts.value = new Map(this.receipts.value).set(live.runId, receipt);
    } catch (error) {
      if (live.state.value === "stopping") live.state.value = "running";
      throw error;
    }
  }

  #ask(asked: Asked): Entry {
    return ask(this.chatId, asked);
  }

  /** Null while a reply is being written or waited for: a second click is none. */
  #askOnce(asked: Asked): Entry | null {
    return this.isBusy.value ? null : this.#ask(asked);
  }

  async #loadAll(): Promise<void> {
    do {
      this.#isStale = false;
      try {
        this.#show(await this.#history({ limit: PAGE }));
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        this.#fail(error);
      }
    } while (this.#isStale && !this.#closed.signal.aborted);
  }

  #history(query: { limit: number; before?: string }): Promise<Schemas["HistoryAnswer"]> {
    const params = { path: { chat_id: this.chatId }, query };
    return answerOf(api.GET("/chat/history/{chat_id}", { params, signal: this.#closed.signal }));
  }

  #show({ history, active_run: run }: Schemas["HistoryAnswer"]): void {
    batch(() => {
      const joined = joinedPath(this.messages.value, history.messages);
      if (joined === null) this.hasOlder.value = history.has_more;
      this.messages.value = joined ?? history.messages;
      this.title.value = history.title;
      this.revision.value = history.revision;
      this.systemPrompt.value = history.system_prompt ?? "";
      this.problem.value = null;
      this.state.value = "ready";
      this.#settle(history.messages, run);
      this.#turnTo(run);
    });
    this.#takeUp(this.pending.value);
  }

  /** Show the live turn of the server, null for none, and follow it. */
  #turnTo(run: Schemas["ActiveRun"] | null): void {
    const live = this.live.value;
    if (run !== null && live?.runId !== run.run_id) {
      this.#attach(liveReplyOf(run));
    } else if (live !== null && run === null && (live.state.value === "ended" || this.#isStored(live))) {
      this.#detach();
    } else if (live !== null && this.#following === null) {
      this.#follow(live); // without a turn it waits in the queue
    }
  }

  /** Entries whose run is in the history, or live, have done their work. */
  #settle(messages: readonly StoredMessage[], run: Schemas["ActiveRun"] | null): void {
    const seen = new Set(messages.map((message) => message.run_id));
    for (const entry of outbox.value) {
      if (entry.chatId !== this.chatId || entry.runId === null) continue;
      if (seen.has(entry.runId) || run?.run_id === entry.runId) remove(entry.key);
    }
  }

  #isStored(live: LiveReply): boolean {
    return this.messages.value.some((message) => message.run_id === live.runId && message.role === "assistant");
  }

  /** Follow the run of the oldest entry that the server has taken, when nothing is followed. */
  #takeUp(entries: readonly Entry[]): void {
    if (this.live.peek() !== null || this.state.peek() === "loading") return;
    const entry = entries.find(({ state }) => state === "accepted");
    if (entry === undefined || entry.runId === null) return;
    const question = entry.kind === "send" || entry.kind === "edit" ? questionOf(entry.body) : null;
    const so_far = { messageId: "", text: "", reasoning: "", toolCalls: [], lastEventId: -1 };
    this.#attach(new LiveReply(entry.runId, question, null, so_far));
    // What is asked of an old message changes the path that is shown: the history has the new one.
    if (entry.kind !== "send") void this.load();
  }

  #attach(live: LiveReply): void {
    this.#following?.abort();
    this.live.value = live;
    this.#follow(live);
  }

  #detach(): void {
    this.#following?.abort();
    this.#following = null;
    this.live.value = null;
  }

  #follow(live: LiveReply): void {
    const following = new AbortController();
    this.#following = following;
    const onEvents = live.take.bind(live);
    const onLine = (line: LiveReply["line"]["value"]) => {
      live.line.value = line;
    };
    followRun(live.runId, live.lastEventId, onEvents, onLine, following.signal)
      .then(() => {
        live.state.value = "ended";
      })
      .catch((error: unknown) => {
        if (following.signal.aborted) return;
        noteUnauthorized(error);
        live.state.value = "ended"; // its events are gone: the history has what there is
      })
      .finally(() => {
        if (this.#following !== following) return;
        this.#following = null;
        if (!following.signal.aborted) void this.#end(live);
      });
  }

  /** The run is over: its messages are stored. */
  async #end(live: LiveReply): Promise<void> {
    for (const entry of outbox.value) if (entry.runId === live.runId) remove(entry.key);
    const ending = live.ending.value;
    if (ending !== null) this.endings.value = new Map(this.endings.value).set(live.runId, ending);
    await this.load();
    if (this.live.value === live && this.problem.value === null) this.#detach();
    this.#takeUp(this.pending.value);
  }

  #fail(error: unknown): void {
    noteUnauthorized(error);
    if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
    if (error instanceof Refused && error.code === "chat_not_found") {
      batch(() => {
        this.messages.value = [];
        this.hasOlder.value = false;
        this.problem.value = null;
        this.state.value = "new";
      });
      this.#takeUp(this.pending.value);
      return;
    }
    this.problem.value = error;
    if (this.state.value === "loading") this.state.value = "failed";
  }

  /** Another tab or device may have asked something. */
  #hear(stats: GenerationStats): void {
    if (stats.chat_id !== this.chatId || stats.run_id === this.live.value?.runId) return;
    const isStored = this.messages.value.some((message) => message.run_id === stats.run_id);
    if (FINAL_STATES.has(stats.state) ? !isStored : this.live.value === null) void this.load();
  }

  #restWhileHidden(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onChange = () => {
      clearTimeout(timer);
      if (document.hidden) {
        timer = setTimeout(() => {
          this.#following?.abort();
          this.#following = null;
        }, HIDDEN_MS);
      } else if (this.live.value !== null && this.#following === null) {
        this.#follow(this.live.value);
      }
    };
    document.addEventListener("visibilitychange", onChange);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onChange);
    };
  }
}

/** `fresh` with the older messages of `shown` before it; null when they are not of one path. */
export function joinedPath(
  shown: readonly StoredMessage[],
  fresh: readonly StoredMessage[],
): readonly StoredMessage[] | null {
  const first = fresh[0]?.id;
  const place = first ? shown.findIndex((message) => message.id === first) : -1;
  return place < 0 ? null : [...shown.slice(0, place), ...fresh];
}

function liveReplyOf(run: Schemas["ActiveRun"]): LiveReply {
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

function questionOf(body: Schemas["SendBody"] | Schemas["EditBody"]): Question {
  return { text: body.message ?? "", images: body.images ?? [] };
}

function imagesOf(question: Question): { images?: string[] } {
  return question.images.length > 0 ? { images: [...question.images] } : {};
}
