/** A button that opens a menu: the browser's popover, with the keys of the ARIA Authoring Practices (Menu Button). */

import type { LucideIcon } from "lucide-preact";
import { useId, useRef, useState } from "preact/hooks";
import { IconButton } from "./Button";
import styles from "./Menu.module.css";

export type MenuEntry = { label: string; icon: LucideIcon; isDanger?: boolean } & (
  | { run: () => void }
  | { link: { href: string; download: string } }
);

export interface MenuProps {
  icon: LucideIcon;
  label: string;
  entries: readonly MenuEntry[];
  tabIndex?: number;
}

export function Menu({ icon, label, entries, tabIndex = 0 }: MenuProps) {
  // Lists have hundreds of menus: one has entries only while it is open, and until it has given the focus back.
  const [isOpen, setIsOpen] = useState(false);
  const id = useId();
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLSpanElement>(null);
  const items = () => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const onToggle = (event: ToggleEvent) => {
    if (event.newState !== "open") setIsOpen(false);
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
        <IconButton isSmall icon={icon} label={label} aria-haspopup="menu" popoverTarget={id} tabIndex={tabIndex} />
      </span>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        class={styles.menu}
        onBeforeToggle={(event) => {
          if (event.newState === "open") setIsOpen(true);
        }}
        onToggle={onToggle}
        onClick={() => menu.current?.hidePopover()}
        onKeyDown={onKeyDown}
        tabIndex={-1}
      >
        {isOpen && entries.map((entry) => <Entry key={entry.label} entry={entry} />)}
      </div>
    </>
  );
}

function Entry({ entry }: { entry: MenuEntry }) {
  const { label, icon: Icon, isDanger = false } = entry;
  const looks = { role: "menuitem", tabIndex: -1, class: isDanger ? styles.danger : styles.entry } as const;
  const content = (
    <>
      <Icon size={18} aria-hidden="true" />
      {label}
    </>
  );
  if ("link" in entry) {
    return (
      <a {...looks} {...entry.link}>
        {content}
      </a>
    );
  }
  return (
    <button type="button" {...looks} onClick={entry.run}>
      {content}
    </button>
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
