/** Who uses the page. The key itself is sent once, to /login, and kept nowhere: the session is a cookie that no script reads. */

import { batch, signal } from "@preact/signals";
import { answerOf, api, Refused, type Schemas, SERVER_PATH, Unreachable } from "../api/client";
import { waitAfter } from "../live/waiting";
import { forgetOwner, forgetTab, keepFor } from "./kept";

export type Who = Schemas["WhoAnswer"];

/** The name at a server without keys; no key may have it. */
export const NOBODY = "anonymous";

/**
 * `unknown` until the server was asked; `needed`: it wants a key, and nothing is shown before; `open`; `ended`: it wants a
 * key again, and what was shown stays where it is, for who was here.
 */
export type Session = { state: "unknown" | "needed" } | { state: "open" | "ended"; who: Who };

export const session = signal<Session>({ state: "unknown" });
/** Whether the first question of all is not answered yet, as the server is not reached. */
export const isWaiting = signal(false);

// The tabs of a browser have one cookie: what one of them leaves, all leave, and nothing is to be seen any more.
const channel = new BroadcastChannel(`chatkeep-session:${SERVER_PATH}`);
channel.onmessage = ({ data }: MessageEvent<"left" | { entered: string }>) => {
  if (data === "left") return leave();
  const now = session.peek();
  // Why before the check: what waits here to be sent must not go out under the other's name.
  if ("who" in now && now.who.owner !== data.entered) leave();
  void checkQuietly();
};

// Every call may be the one that learns that the session is over. /login says it to who asks.
api.use({
  onResponse: ({ response, schemaPath }) => {
    if (response.status === 401 && schemaPath !== "/login") end();
  },
});

/** Ask the server who one is, until it says so. Raises: Refused; AbortError. */
export async function findOut(pause: (ms: number) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await check();
      return;
    } catch (error) {
      const waitedMs = waitAfter(error, tries);
      isWaiting.value = true;
      await pause(waitedMs);
    }
  }
}

/** Ask the server once whether the session still holds. Raises: Refused (not 401), Unreachable. */
export async function check(): Promise<void> {
  try {
    enter(await answerOf(api.GET("/login")));
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) throw error;
    end();
  }
}

/** The same, of one who has no answer for a server that is away. */
export async function checkQuietly(): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
  }
}

/** Begin a session. Raises: Refused, Unreachable. */
export async function logIn(key: string): Promise<void> {
  const who = await answerOf(api.POST("/login", { body: { key } }));
  enter(who);
  channel.postMessage({ entered: who.owner });
}

/** End it, and forget what is kept here for its owner: drafts and what was not sent yet. Raises: Refused, Unreachable. */
export async function logOut(): Promise<void> {
  await answerOf(api.POST("/logout"));
  const forgotten = forgetOwner();
  leave();
  channel.postMessage("left");
  await forgotten;
}

/** Wait until who was here is here again. Raises: AbortError, also when somebody else comes. */
export function whenOpen(abort: AbortSignal): Promise<void> {
  const before = session.peek();
  return new Promise((resolve, reject) => {
    const onAbort = () => settle(() => reject(abort.reason));
    const settle = (how: () => void) => {
      abort.removeEventListener("abort", onAbort);
      queueMicrotask(() => unsubscribe()); // the first call comes before there is something to end
      how();
    };
    const unsubscribe = session.subscribe((now) => {
      if (now.state === "needed" || ("who" in now && "who" in before && now.who.owner !== before.who.owner)) {
        settle(() => reject(new DOMException("Somebody else uses the page.", "AbortError")));
      } else if (now.state === "open") {
        settle(resolve);
      }
    });
    abort.addEventListener("abort", onAbort);
  });
}

/** A call that is none of `api` was refused, maybe as the session is over. */
export function noteUnauthorized(error: unknown): void {
  if (error instanceof Refused && error.status === 401) end();
}

function enter(who: Who): void {
  const now = session.peek();
  if (now.state === "open" && now.who.owner === who.owner && now.who.name === who.name) return;
  batch(() => {
    keepFor(who.owner);
    isWaiting.value = false;
    session.value = { state: "open", who };
  });
}

/** The server wants a key: the session is over, the key was revoked, or there was none. */
function end(): void {
  const now = session.peek();
  if (now.state === "open") session.value = { state: "ended", who: now.who };
  else if (now.state === "unknown") session.value = { state: "needed" };
}

function leave(): void {
  forgetTab();
  session.value = { state: "needed" };
}
