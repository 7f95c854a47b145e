/** What is printed on keys: on Macs by their signs, elsewhere by their names in the language of the page. */

import type { Strings } from "../i18n/strings";

export const IS_MAC = /Mac|iPod|iPhone|iPad/.test(navigator.platform);

/** The names of the keys of a binding, in the order in which they are held: `["Ctrl", "Shift", "O"]`. */
export function keyNames(binding: string, isMac: boolean, strings: Strings): string[] {
  const names = namesOf(isMac, strings);
  return binding.split(/\b\+/).map((key) => names[key] ?? key.replace(/^Key/, "").toUpperCase());
}

function namesOf(isMac: boolean, strings: Strings): Record<string, string> {
  const arrows = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };
  if (isMac) return { ...arrows, $mod: "⌘", Shift: "⇧", Alt: "⌥", Escape: "esc", Enter: "↩" };
  const { keyControl, keyShift, keyAlt, keyEscape, keyEnter } = strings;
  return { ...arrows, $mod: keyControl, Shift: keyShift, Alt: keyAlt, Escape: keyEscape, Enter: keyEnter };
}
