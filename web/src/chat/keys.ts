/** What the keys mean where text is typed. */

export interface Typed {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  isComposing: boolean;
  keyCode: number;
}

/** `break` is the browser's to do. On touch keyboards Enter is the only way to break a line; Ctrl+Enter always sends. */
export function meaningOf(event: Typed, isTouch: boolean): "send" | "break" | "cancel" | null {
  // Why 229: Safari tells the Enter that ends a composition only by it.
  if (event.isComposing || event.keyCode === 229) return null;
  if (event.key === "Escape") return "cancel";
  if (event.key !== "Enter") return null;
  if (event.ctrlKey || event.metaKey) return "send";
  return event.shiftKey || event.altKey || isTouch ? "break" : "send";
}

/** Whether fingers are the way this device is used. */
export function isTouch(): boolean {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}
