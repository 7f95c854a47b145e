/** Short news at the edge of the page, heard by screen readers too. Showing them: Toasts.tsx. */

import { signal } from "@preact/signals";
import { Refused, Unreachable } from "../api/client";
import { t } from "../i18n/i18n";

export interface Toast {
  id: number;
  tone: "plain" | "danger";
  text: string;
  /** What can be done about it, for as long as it is shown. */
  action: { label: string; run: () => void } | null;
}

const SHOWN_MS = 6000;
const WITH_ACTION_MS = 12_000;

export const toasts = signal<readonly Toast[]>([]);
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let count = 0;

/** Show `text` for a while; one with an action stays longer. */
export function say(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): void {
  count += 1;
  const toast: Toast = { id: count, tone: "plain", action: null, text, ...options };
  toasts.value = [...toasts.value.slice(-2), toast];
  release(toast.id);
}

export function dismiss(id: number): void {
  hold(id);
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Somebody else uses the page from here on. */
export function forgetToasts(): void {
  for (const { id } of toasts.peek()) dismiss(id);
}

/** Let it stay for as long as somebody is at it: WCAG 2.2, 2.2.1. */
export function hold(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

/** Let its time begin anew. */
export function release(id: number): void {
  hold(id);
  const toast = toasts.peek().find((each) => each.id === id);
  if (toast === undefined) return;
  timers.set(
    id,
    setTimeout(() => dismiss(id), toast.action === null ? SHOWN_MS : WITH_ACTION_MS),
  );
}

/** Say that something did not work, in the server's words. Raises: what is no failure of a request. */
export function sayFailure(error: unknown): void {
  if (error instanceof Refused && error.status === 401) return; // the page asks for the key: session.ts
  if (error instanceof Refused) say(error.detail, { tone: "danger" });
  else if (error instanceof Unreachable) say(t.value.unreachable, { tone: "danger" });
  else throw error;
}

/** Do what may fail, and say so when it did. */
export async function attempt(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    sayFailure(error);
  }
}
