/** Who uses the page. The key itself is sent once, to /login, and kept nowhere: the session is a cookie that no script reads. */

import { signal } from "@preact/signals";
import { answerOf, api, Refused, type Schemas } from "../api/client";
import { forgetOwner, keepFor } from "./kept";

export type Who = Schemas["WhoAnswer"];

/** `unknown` until the server was asked; `needed`: it wants a key. */
export const session = signal<{ state: "unknown" | "needed" } | { state: "open"; who: Who }>({ state: "unknown" });

/** Ask the server who one is. Raises: Refused (not 401), Unreachable. */
export async function findOut(): Promise<void> {
  try {
    enter(await answerOf(api.GET("/login")));
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) throw error;
    session.value = { state: "needed" };
  }
}

/** Begin a session. Raises: Refused, Unreachable. */
export async function logIn(key: string): Promise<void> {
  enter(await answerOf(api.POST("/login", { body: { key } })));
}

/** End it, and forget what is kept here for its owner: drafts and what was not sent yet. Raises: Refused, Unreachable. */
export async function logOut(): Promise<void> {
  await answerOf(api.POST("/logout"));
  await forgetOwner();
  session.value = { state: "needed" };
}

/** The server wants a key all of a sudden: the session has ended, or the key was revoked. */
export function noteUnauthorized(error: unknown): void {
  if (error instanceof Refused && error.status === 401) session.value = { state: "needed" };
}

function enter(who: Who): void {
  keepFor(who.owner);
  session.value = { state: "open", who };
}
