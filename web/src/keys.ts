/**
 * The keys of the page: who has something to do binds it here, and the sheet of shortcuts (shell/ShortcutSheet.tsx) lists
 * what is bound. Keys inside one widget, such as the arrows of a menu, are the widget's own.
 */

import { signal } from "@preact/signals";
import { matchKeyBindingPress, parseKeybinding } from "tinykeys";

export type KeyGroup = "page" | "chats" | "chat";

export interface Binding {
  /** In the terms of tinykeys, `$mod` being Ctrl, or ⌘ on a Mac: any of them does it. */
  keys: readonly string[];
  group: KeyGroup;
  /** What it does, in the present language. */
  label: () => string;
  run: (event: KeyboardEvent) => void;
  /** Whether there is something to do now; when not, the key is left to the others, and at last to the browser. */
  isFor?: (event: KeyboardEvent) => boolean;
}

const STORED = "chatkeep.single-keys";

/** What is bound now, in the order in which it was bound. */
export const bindings = signal<readonly Binding[]>([]);
/** Whether keys without Ctrl, Alt or ⌘ do something: WCAG 2.2, 2.1.4 wants them to be switched off by who speaks their text. */
export const hasSingleKeys = signal(readChoice());

/** Bind until what is returned is called. Of two with one key the later one is asked first. */
export function bindKey(binding: Binding): () => void {
  bindings.value = [...bindings.peek(), binding];
  return () => {
    bindings.value = bindings.peek().filter((each) => each !== binding);
  };
}

export function chooseSingleKeys(isOn: boolean): void {
  hasSingleKeys.value = isOn;
  try {
    if (isOn) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, "off");
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
}

/** Do what is bound to the key that was pressed. One who took the event already, and a dialog, have it for themselves. */
export function pressKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const isTyping = isInField(event.target);
  for (const { keys, run, isFor } of [...bindings.peek()].reverse()) {
    const key = keys.find((each) => matches(each, event));
    if (key === undefined || (isSingleKey(key) && (isTyping || !hasSingleKeys.peek()))) continue;
    if (isFor && !isFor(event)) continue;
    event.preventDefault();
    run(event);
    return;
  }
}

/** A printable key without a modifier, which one also gets by typing or by speaking text. */
export function isSingleKey(key: string): boolean {
  return [...key].length === 1;
}

function matches(key: string, event: KeyboardEvent): boolean {
  if (isSingleKey(key)) {
    // Why not tinykeys: `?` and `/` come with Shift on some keyboards, and without on others.
    const isShifted = event.shiftKey && /\p{L}/u.test(key);
    return event.key.toLowerCase() === key && !isShifted && !event.ctrlKey && !event.metaKey && !event.altKey;
  }
  return parseKeybinding(key).every((press) => matchKeyBindingPress(event, press));
}

function isInField(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest("input, textarea, select, [contenteditable], [role=menu], [role=listbox]") !== null
  );
}

function readChoice(): boolean {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}
