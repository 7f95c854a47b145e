/** Asks for a key. It goes to the server once, and stays nowhere here: the field goes with the form. */

import { useId, useRef, useState } from "preact/hooks";
import { Refused, Unreachable } from "../api/client";
import { t } from "../i18n/i18n";
import type { Strings } from "../i18n/strings";
import { Button } from "../ui/Button";
import styles from "./LoginForm.module.css";
import { logIn } from "./session";

export function LoginForm() {
  const field = useRef<HTMLInputElement>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [isAsking, setIsAsking] = useState(false);
  const hint = useId();
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    const key = field.current?.value.trim() ?? "";
    if (isAsking || key === "") return field.current?.focus();
    setIsAsking(true);
    setFailure(null);
    try {
      await logIn(key);
    } catch (error) {
      setFailure(error);
      field.current?.select();
    } finally {
      setIsAsking(false);
    }
  };
  return (
    <form class={styles.form} onSubmit={(event) => void onSubmit(event)}>
      <label class={styles.field}>
        {t.value.key}
        {/* As a password, so that a password manager may keep it: where no script reads, and better than in a note. */}
        <input
          ref={field}
          type="password"
          name="key"
          autocomplete="current-password"
          autocapitalize="none"
          spellcheck={false}
          required
          autofocus
          aria-invalid={failure !== null}
          aria-describedby={hint}
        />
      </label>
      <p id={hint} class={styles.hint}>
        {t.value.keyHint}
      </p>
      <p role="alert" class={styles.failure}>
        {failure !== null && reasonOf(failure, t.value)}
      </p>
      <Button type="submit" look="main" aria-busy={isAsking}>
        {t.value.logIn}
      </Button>
    </form>
  );
}

/** Why a login failed. Raises: what is no failure of a request. */
export function reasonOf(failure: unknown, strings: Strings): string {
  if (failure instanceof Unreachable) return strings.loginUnreachable;
  if (!(failure instanceof Refused)) throw failure;
  if (failure.status === 401) return strings.wrongKey;
  if (failure.status === 429)
    return strings.tooManyTries(Math.max(1, Math.ceil((failure.retryAfterMs ?? 60_000) / 1000)));
  return failure.detail;
}
