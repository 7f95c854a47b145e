/** Asks for a key. It goes to the server once, and stays nowhere here. */

import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { attempt } from "../ui/toasts";
import { logIn } from "./session";

export function LoginView() {
  const [key, setKey] = useState("");
  return (
    <main>
      <h1>{t.value.appName}</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(logIn(key));
        }}
      >
        <label>
          {t.value.key}
          <input
            type="password"
            autocomplete="off"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <Button type="submit" look="main">
          {t.value.logIn}
        </Button>
      </form>
    </main>
  );
}
