/** Whether the sidebar is shown: beside the rest where there is room, else as a drawer before it. */

import { computed, signal } from "@preact/signals";

const STORED = "chatkeep.sidebar";
const room = matchMedia("(min-width: 50rem)");

/** Whether there is room for it beside the rest. */
export const isWide = signal(room.matches);
const isCollapsed = signal(readChoice());
const isDrawerOpen = signal(false);

export const isSidebarShown = computed(() => (isWide.value ? !isCollapsed.value : isDrawerOpen.value));
/** Whether it is before the rest, which is out of reach until it is closed. */
export const isDrawer = computed(() => !isWide.value && isDrawerOpen.value);

room.addEventListener("change", () => {
  isWide.value = room.matches;
  isDrawerOpen.value = false;
});

/** Show or hide it. Beside the rest that is kept for the next time. */
export function showSidebar(isShown: boolean): void {
  if (!isWide.peek()) {
    isDrawerOpen.value = isShown;
    return;
  }
  isCollapsed.value = !isShown;
  try {
    if (isShown) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, "collapsed");
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
}

export function toggleSidebar(): void {
  showSidebar(!isSidebarShown.peek());
}

/** Something was found in it: a drawer makes way for that. */
export function closeDrawer(): void {
  isDrawerOpen.value = false;
}

function readChoice(): boolean {
  try {
    return localStorage.getItem(STORED) === "collapsed";
  } catch {
    return false;
  }
}
