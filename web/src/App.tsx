/** The page: who uses it, then the chats at the side and what the address asks for. */

import { useEffect, useMemo } from "preact/hooks";
import styles from "./App.module.css";
import { ChatView } from "./chat/ChatView";
import { openOutbox } from "./chat/outbox";
import { Sidebar } from "./chats/Sidebar";
import { language } from "./i18n/i18n";
import { listen } from "./live/status-feed";
import { route } from "./routes";
import { LoginView } from "./session/LoginView";
import { uuid } from "./session/random";
import { findOut, session } from "./session/session";
import { gatherHistory } from "./status/history";
import { StatusView } from "./status/StatusView";
import { Toasts } from "./ui/Toasts";
import { attempt } from "./ui/toasts";

export function App() {
  useEffect(() => {
    void attempt(findOut());
  }, []);
  useEffect(() => {
    document.documentElement.lang = language.value;
  }, [language.value]);
  return (
    <>
      {session.value.state === "needed" && <LoginView />}
      {session.value.state === "open" && <Shell key={session.value.who.owner} owner={session.value.who.owner} />}
      <Toasts />
    </>
  );
}

/** What there is to see for who has come in. */
function Shell({ owner }: { owner: string }) {
  useEffect(() => {
    const ended = new AbortController();
    void openOutbox();
    void listen(ended.signal);
    const stopGathering = gatherHistory(owner);
    return () => {
      ended.abort();
      stopGathering();
    };
  }, [owner]);
  return (
    <div class={styles.shell}>
      <Sidebar />
      <main class={styles.main}>
        <View />
      </main>
    </div>
  );
}

function View() {
  const place = route.value;
  // A new chat has its id before it is begun, so that what is sent can be kept under it.
  const newId = useMemo(uuid, [place]);
  switch (place.view) {
    case "new":
      return <ChatView key={newId} chatId={newId} messageId={null} />;
    case "chat":
      return <ChatView key={place.chatId} chatId={place.chatId} messageId={place.messageId} />;
    case "status":
      return <StatusView />;
    case "trash":
      return null;
  }
}
