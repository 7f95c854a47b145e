/** A button that opens a menu: the browser's popover, with the keys of the ARIA Authoring Practices (Menu Button). */

import type { LucideIcon } from "lucide-preact";
import { useId, useRef } from "preact/hooks";
import { IconButton } from "./Button";
import styles from "./Menu.module.css";

export interface MenuEntry {
  label: string;
  icon: LucideIcon;
  isDanger?: boolean;
  run: () => void;
}

export function Menu({ icon, label, entries }: { icon: LucideIcon; label: string; entries: readonly MenuEntry[] }) {
  const id = useId();
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLSpanElement>(null);
  const items = () => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const onToggle = (event: ToggleEvent) => {
    if (event.newState !== "open" || menu.current === null || button.current === null) return;
    place(menu.current, button.current);
    items()[0]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = items();
    const now = all.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") menu.current?.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    all[next % all.length]?.focus();
  };
  return (
    <>
      <span ref={button} class={styles.button}>
        <IconButton isSmall icon={icon} label={label} aria-haspopup="menu" popoverTarget={id} />
      </span>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        class={styles.menu}
        onToggle={onToggle}
        onKeyDown={onKeyDown}
        tabIndex={-1}
      >
        {entries.map(({ label, icon: Icon, isDanger = false, run }) => (
          <button
            key={label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            class={isDanger ? styles.danger : styles.entry}
            onClick={() => {
              menu.current?.hidePopover();
              run();
            }}
          >
            <Icon size={18} aria-hidden="true" />
            {label}
          </button>
        ))}
      </div>
    </>
  );
}

/** Under the button, or over it when there is no room, and never over the page's edge. */
export function place(menu: HTMLElement, button: HTMLElement): void {
  const anchor = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = anchor.bottom + 4;
  menu.style.top = `${below + height > innerHeight ? Math.max(4, anchor.top - height - 4) : below}px`;
  menu.style.left = `${Math.max(4, Math.min(anchor.left, innerWidth - width - 4))}px`;
}
