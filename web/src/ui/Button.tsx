/** Buttons: with text, or of an icon alone, whose name is then its label and its hint. */

import type { LucideIcon } from "lucide-preact";
import type { ComponentChildren, JSX } from "preact";
import styles from "./Button.module.css";

type Native = Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "class" | "className" | "label" | "icon">;

export interface ButtonProps extends Native {
  look?: "plain" | "main" | "danger";
  icon?: LucideIcon;
  children: ComponentChildren;
}

export function Button({ look = "plain", icon: Icon, children, ...native }: ButtonProps) {
  return (
    <button type="button" {...native} class={`${styles.button} ${styles[look]}`}>
      {Icon && <Icon size={18} aria-hidden="true" />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Native {
  icon: LucideIcon;
  label: string;
  /** In rows of many: less room, but never below 24 px (WCAG 2.2, 2.5.8). */
  isSmall?: boolean;
}

export function IconButton({ icon: Icon, label, isSmall = false, ...native }: IconButtonProps) {
  return (
    <button type="button" title={label} {...native} aria-label={label} class={isSmall ? styles.smallIcon : styles.icon}>
      <Icon size={isSmall ? 16 : 20} aria-hidden="true" />
    </button>
  );
}
