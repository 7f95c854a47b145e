/** What can be done with a message: a row under it. */

import { Check, Copy, type LucideIcon } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { IconButton } from "../ui/Button";
import { copyText } from "../ui/clipboard";
import { say } from "../ui/toasts";
import styles from "./MessageActions.module.css";

const COPIED_MS = 2000;

/** `isShown` keeps the row in sight also when nobody points at the message. */
export function ActionRow({ isShown, children }: { isShown: boolean; children: ComponentChildren }) {
  return <div class={`${styles.row} ${isShown ? styles.shown : ""}`}>{children}</div>;
}

export interface ActionProps {
  icon: LucideIcon;
  label: string;
  isDisabled?: boolean;
  run: () => void;
}

export function Action({ icon, label, isDisabled = false, run }: ActionProps) {
  return <IconButton isSmall icon={icon} label={label} disabled={isDisabled} onClick={run} />;
}

/** Copies what `textOf` gives when it is asked for. */
export function CopyAction({ label, textOf }: { label: string; textOf: () => string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    const isDone = await copyText(textOf());
    setCopied(isDone);
    say(isDone ? t.value.copied : t.value.copyFailed, { tone: isDone ? "plain" : "danger" });
  };
  return <Action icon={isCopied ? Check : Copy} label={label} run={() => void copy()} />;
}
