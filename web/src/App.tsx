/** The page: who uses it, then what the address asks for. */

import { useEffect, useMemo } from "preact/hooks";
import { ChatView } from "./chat/ChatView";
import { TrashView } from "./chats/TrashView";
import { pause } from "./live/waiting";
import { route } from "./routes";
import { LoginAgain, LoginView } from "./session/LoginView";
import { uuid } from "./session/random";
import { StartView } from "./session/StartView";
import { findOut, session } from "./session/session";
import { Shell } from "./shell/Shell";
import { lazy } from "./ui/Lazy";
import { Toasts } from "./ui/Toasts";
import { attempt } from "./ui/toasts";

const StatusView = lazy(() => import("./status/StatusView").then((module) => module.StatusView));

export function App() {
  useEffect(() => {
    const ended = new AbortController();
    void attempt(findOut((ms) => pause(ms, ended.signal)));
  }, []);
  const now = session.value;
  return (
    <>
      {now.state === "unknown" && <StartView />}
      {now.state === "needed" && <LoginView />}
      {"who" in now && (
        <Shell key={now.who.owner}>
          <View />
        </Shell>
      )}
      {now.state === "ended" && <LoginAgain name={now.who.name} />}
      <Toasts />
    </>
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
      return <TrashView />;
  }
}
