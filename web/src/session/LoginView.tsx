/** What one sees who is not logged in: alone, or before what was shown when the session ended. */

import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Logo } from "../ui/Logo";
import { LoginForm } from "./LoginForm";
import styles from "./LoginView.module.css";
import { NOBODY } from "./session";

export function LoginView() {
  return (
    <main class={styles.view}>
      <div class={styles.card}>
        <h1 class={styles.name}>
          <Logo />
          {t.value.appName}
        </h1>
        <p class={styles.about}>{t.value.loginAbout}</p>
        <LoginForm />
      </div>
    </main>
  );
}

/** Over the page, which stays as it was, with its drafts. It cannot be closed: there is nothing to do without a session. */
export function LoginAgain({ name }: { name: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const shown = dialog.current;
    if (shown === null) return;
    const open = () => shown.showModal();
    open();
    // Browsers close it at the second Escape, whatever is said to the first.
    shown.addEventListener("close", open);
    return () => {
      shown.removeEventListener("close", open);
      shown.close();
    };
  }, []);
  return (
    <dialog ref={dialog} class={styles.again} aria-labelledby={heading} onCancel={(event) => event.preventDefault()}>
      <h2 id={heading}>{t.value.sessionEnded}</h2>
      <p class={styles.about}>{name === NOBODY ? t.value.loginAbout : t.value.sessionEndedAbout(name)}</p>
      <LoginForm />
    </dialog>
  );
}
