/** What stands where nothing was said yet: what to do here, and what holds. */

import { ChevronRight } from "lucide-preact";
import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { FirstRunHint } from "../providers/FirstRunHint";
import { go, route } from "../routes";
import { Button } from "../ui/Button";
import styles from "./NewChat.module.css";
import type { ViewState } from "./view-state";

const CHAT_ID = /^[A-Za-z0-9_-]{1,128}$/; // docs/api.md, Send

export function NewChat({ view }: { view: ViewState }) {
  const place = route.value;
  return (
    <div class={styles.page}>
      <div class={styles.inside}>
        <h2 class={styles.greeting}>{t.value.greeting}</h2>
        {place.view === "chat" && <p class={styles.soft}>{t.value.idIsFree(place.chatId)}</p>}
        <FirstRunHint />
        <Examples view={view} />
        <p class={styles.soft}>{t.value.survives}</p>
        {place.view === "new" && <CustomId view={view} />}
      </div>
    </div>
  );
}

function Examples({ view }: { view: ViewState }) {
  const fill = (text: string) => {
    view.draft.text.value = text;
    view.composer.current?.focus();
  };
  return (
    <section aria-label={t.value.examplesTitle}>
      <ul class={styles.examples}>
        {t.value.examples.map((text) => (
          <li key={text}>
            <button type="button" class={styles.example} onClick={() => fill(text)}>
              <span>{text}</span>
              <ChevronRight size={18} aria-hidden="true" class={styles.arrow} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function CustomId({ view }: { view: ViewState }) {
  const [id, setId] = useState("");
  const [isWrong, setWrong] = useState(false);
  const use = () => {
    if (!CHAT_ID.test(id)) return setWrong(true);
    if (view.draft.text.value !== "") view.draft.moveTo(id);
    go({ view: "chat", chatId: id, messageId: null });
  };
  return (
    <details class={styles.custom}>
      <summary>{t.value.customId}</summary>
      <form
        class={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          use();
        }}
      >
        <input
          class={styles.field}
          value={id}
          aria-label={t.value.customId}
          aria-describedby="custom-id-hint"
          aria-invalid={isWrong}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={128}
          onInput={(event) => {
            setId(event.currentTarget.value.trim());
            setWrong(false);
          }}
          // Why: who goes on to the message means the id that stands here, with or without a press of the button.
          onBlur={() => id !== "" && use()}
        />
        <Button type="submit" disabled={id === ""}>
          {t.value.useId}
        </Button>
        <p id="custom-id-hint" class={isWrong ? styles.wrong : styles.soft} role={isWrong ? "alert" : undefined}>
          {isWrong ? t.value.customIdWrong : t.value.customIdHint}
        </p>
      </form>
    </details>
  );
}
