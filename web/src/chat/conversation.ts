/**
 * One open chat: its stored messages, the reply that is being written, and what can be done with it. The server has the
 * truth; this follows it, also through breaks of the line and changes that other tabs and devices make.
 */

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { answerOf, api, Refused, type Schemas, Unreachable } from "../api/client";
import { announce } from "../chats/changes";
import { waitOut } from "../live/retry";
import {
  type ChatNews,
  FINAL_STATES,
  type GenerationStats,
  onChatNews,
  onGeneration,
  onReturn,
} from "../live/status-feed";
import { endPauses, pause, waitMs } from "../live/waiting";
import type { Asked } from "./asked";
import { Follower } from "./follower";
import { joinedPath, readHistory, type StoredMessage } from "./history";
import { type Ending, type LiveReply, liveReplyOfEntry, liveReplyOfRun, type Question } from "./live-reply";
import { ask, type Entry, outbox, remove } from "./outbox";

export type { StoredMessage } from "./history";

const PAGE = 100; // messages
const OLDER_PAGE = 400;

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
  #follower: Follower | null = null;
  #loading: Promise<void> | null = null;
  #loadingOlder: Promise<void> | null = null;
  #isStale = false;
  /** Runs of others that the history was read for. */
  #heard = new Set<string>();
  /** How many runs in a row were not followed to their end. */
  #lost = 0;
  #ends: (() => void)[] = [];

  /** `isNew`: the id was just made, so that there is nothing to load. */
  constructor(
    readonly chatId: string,
    isNew = false,
  ) {
    if (isNew) this.state.value = "new";
    this.#ends.push(onGeneration((stats) => this.#hear(stats)));
    this.#ends.push(onChatNews((news) => this.#read(news)));
    this.#ends.push(onReturn(() => void this.load()));
    this.#ends.push(
      effect(() => {
        const asked = this.asked.value;
        untracked(() => this.#takeUp(asked));
      }),
    );
  }

  /** Let go of everything; nothing stops on the server. */
  close(): void {
    this.#closed.abort();
    this.#follower?.close();
    for (const end of this.#ends) end();
  }

  /**
   * Read the newest messages and the live turn, until the server answers. Asked while it goes on, it is done once more
   * after that.
   */
  load(): Promise<void> {
    this.#isStale = true;
    this.#loading ??= this.#loadAll();
    return this.#loading;
  }

  /** What a person asks for who does not want to wait for the next try. */
  tryAgain(): void {
    void this.load();
    endPauses();
  }

  /** Read older messages. Raises: Refused, Unreachable. */
  loadOlder(): Promise<void> {
    this.#loadingOlder ??= this.#loadOlder().finally(() => {
      this.#loadingOlder = null;
    });
    return this.#loadingOlder;
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
    const before = live.state.value;
    live.state.value = "stopping";
    try {
      const params = { path: { run_id: live.runId } };
      const receipt = await answerOf(api.POST("/runs/{run_id}/stop", { params }));
      this.receipts.value = new Map(this.receipts.value).set(live.runId, receipt);
    } catch (error) {
      if (live.state.value === "stopping") live.state.value = before;
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
    try {
      for (let tries = 1; this.#isStale; tries += 1) {
        this.#isStale = false;
        if (await this.#loadOnce(tries)) tries = 0;
        else this.#isStale = true;
      }
    } finally {
      this.#loading = null; // here, for what is asked from now on is not seen by the loop
    }
  }

  /** False when it is to be tried again. */
  async #loadOnce(tries: number): Promise<boolean> {
    try {
      this.#show(await readHistory(this.chatId, { limit: PAGE }, this.#closed.signal));
      return true;
    } catch (error) {
      if (this.#closed.signal.aborted || this.#isGone(error)) return true;
      return !(await this.#outlast(error, tries));
    }
  }

  async #loadOlder(): Promise<void> {
    if (!this.hasOlder.value) return;
    const shown = this.messages.value;
    const place = shown.findIndex(({ id }) => id); // other programs write messages that have none
    const before = shown[place]?.id ?? null;
    if (before === null) {
      this.hasOlder.value = false; // none that could be named
      return;
    }
    const { history } = await readHistory(this.chatId, { before, limit: OLDER_PAGE }, this.#closed.signal);
    if (this.messages.value[place]?.id !== before) return; // changed meanwhile
    batch(() => {
      this.messages.value = [...history.messages, ...this.messages.value.slice(place)];
      this.hasOlder.value = history.has_more && history.messages.some(({ id }) => id);
    });
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
    this.#takeUp(this.asked.value);
  }

  /** Show the live turn of the server, null for none, and follow it. */
  #turnTo(run: Schemas["ActiveRun"] | null): void {
    const live = this.live.value;
    const isOver = live?.state.value === "ended";
    const isLost = isOver && live.ending.value === null; // not followed to its end
    if (run !== null && (live?.runId !== run.run_id || isLost)) this.#attach(liveReplyOfRun(run));
    else if (run === null && isOver) this.#detach();
    // Else it is followed already, or waits in the queue, where it is no turn yet.
  }

  /** Entries whose run is in the history, or live, have done their work. */
  #settle(messages: readonly StoredMessage[], run: Schemas["ActiveRun"] | null): void {
    const seen = new Set(messages.map((message) => message.run_id));
    for (const entry of outbox.value) {
      if (entry.chatId !== this.chatId || entry.runId === null) continue;
      if (seen.has(entry.runId) || run?.run_id === entry.runId) remove(entry.key);
    }
  }

  /** Follow the oldest run that the server has taken, when nothing is followed. */
  #takeUp(asked: readonly Entry[]): void {
    if (this.live.value !== null || this.state.value === "loading" || this.#closed.signal.aborted) return;
    const entry = asked.find(({ state, runId }) => state === "accepted" && runId !== null);
    if (entry === undefined) return;
    this.#attach(liveReplyOfEntry(entry));
    // What is asked of an old message changes the path that is shown: the history has the new one.
    if (entry.kind !== "send") void this.load();
  }

  #attach(live: LiveReply): void {
    this.#follower?.close();
    this.live.value = live;
    this.#follower = new Follower(live, () => void this.#end(live));
  }

  #detach(): void {
    this.#follower?.close();
    this.#follower = null;
    this.live.value = null;
  }

  /** The run is over: its messages are stored. */
  async #end(live: LiveReply): Promise<void> {
    for (const entry of outbox.value) if (entry.runId === live.runId) remove(entry.key);
    const ending = live.ending.value;
    if (ending === null) {
      // Why: whatever keeps its events from us may be there at the next try as well.
      this.#lost += 1;
      await pause(waitMs(this.#lost, Math.random()), this.#closed.signal).catch(() => undefined); // then load does nothing
    } else {
      this.#lost = 0;
      this.endings.value = new Map(this.endings.value).set(live.runId, ending);
    }
    await this.load();
  }

  /** Whether the server says that there is no such chat: not yet, or not any more. */
  #isGone(error: unknown): boolean {
    if (!(error instanceof Refused && error.code === "chat_not_found")) return false;
    batch(() => {
      this.messages.value = [];
      this.revision.value = 0; // of one that comes back every revision is news
      this.hasOlder.value = false;
      this.problem.value = null;
      this.state.value = "new";
      this.#turnTo(null);
    });
    this.#takeUp(this.asked.value);
    return true;
  }

  /** Show what is wrong, and wait until it may have passed. False when it will not, or nobody waits any more. */
  async #outlast(error: unknown, tries: number): Promise<boolean> {
    if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
    this.problem.value = error;
    if (this.state.value === "loading") this.state.value = "failed";
    try {
      await waitOut(error, tries, this.#closed.signal);
      return true;
    } catch {
      return false;
    }
  }

  /** The run that is shown has ended; or another tab or device asks something, and a run goes on that is not shown. */
  #hear(stats: GenerationStats): void {
    const live = this.live.value;
    if (stats.run_id === live?.runId && FINAL_STATES.has(stats.state)) this.#follower?.catchUp();
    const isShown = stats.run_id === live?.runId || (live !== null && live.state.value !== "queued");
    if (stats.chat_id !== this.chatId || stats.state !== "running" || isShown || this.#heard.has(stats.run_id)) return;
    this.#heard.add(stats.run_id);
    void this.load();
  }

  /** Another tab or device, or the end of a run, has changed the chat. */
  #read(news: ChatNews): void {
    if (news.chat_id !== this.chatId) return;
    if (news.title !== undefined) this.title.value = news.title;
    const isKnown = news.revision !== undefined && news.revision <= this.revision.value;
    // A reply that is followed to its end has the history read then.
    if (!isKnown && (this.live.value === null || news.change === "deleted")) void this.load();
  }
}

function imagesOf(question: Question): { images?: string[] } {
  return question.images.length > 0 ? { images: [...question.images] } : {};
}
