/** Every string that a person reads, in each language. A test holds the languages to the same keys. */

const en = {
  appName: "chatkeep",
  close: "Close",
  copy: "Copy",
  copied: "Copied.",
  unreachable: "The server cannot be reached. Please try again in a moment.",

  // chat
  chats: "Chats",
  newChat: "New chat",
  message: "Message",
  send: "Send",

  // session
  key: "Key",
  keyHint: "It is sent to this server once, and not stored in the page.",
  logIn: "Log in",
  logOut: "Log out",
  loggedInAs: (name: string) => `Logged in as ${name}`,
  loginAbout: "This server asks for an API key before it shows chats.",
  wrongKey: "This key is not valid.",
  tooManyTries: (seconds: number) =>
    seconds === 1
      ? "Too many wrong keys. The next try is possible in a second."
      : `Too many wrong keys. The next try is possible in ${seconds} seconds.`,
  loginUnreachable: "The server cannot be reached. Please try again in a moment.",
  sessionEnded: "The session has ended",
  sessionEndedAbout: (name: string) => `What was typed is still there. Log in as ${name} to go on with it.`,
  startUnreachable: "The server cannot be reached",
  startUnreachableNext: "The page keeps trying, and goes on by itself as soon as it answers.",

  // shell
  sidebar: "Sidebar",
  skipToContent: "Skip to the content",
  openSidebar: "Show the sidebar",
  closeSidebar: "Hide the sidebar",
  otherViews: "More",
  theme: "Theme",
  themeSystem: "As the system",
  themeLight: "Light",
  themeDark: "Dark",
  language: "Language",
  languageName: "English",
  trash: "Trash",
  reconnecting: "Reconnecting… What is sent now is kept, and sent then.",
  dismiss: "Do not show again",

  // first run
  tinyModelTitle: "A tiny model answers here",
  tinyModelAbout:
    "It comes with chatkeep, runs on this machine, and shows that everything works. It often makes mistakes. For good replies, start the server with the key of a provider:",
  nameProvider: "Start the server with the key of a provider:",
  ollamaIsFound: "Other providers work the same way, and a running Ollama is found by itself.",
  apiAndSettings: "About this server",
  noProviderTitle: "No model can answer now",
  noProviderAbout: "Each provider is tried again by itself. This is what they say:",
  noProviderReason: (provider: string, reason: string) => `${provider}: ${reason}`,
  noReason: "it gave no reason.",

  // keys
  shortcuts: "Keyboard shortcuts",
  shortcutsOfPage: "Page",
  shortcutsOfChats: "Chats",
  shortcutsOfChat: "This chat",
  shortcutOr: "or",
  noKey: "none",
  singleKeys: "Use keys without Ctrl, Alt or ⌘",
  singleKeysAbout: "Off is better for people who speak their text. It holds for this browser.",
  toggleSidebar: "Show or hide the sidebar",
  showShortcuts: "Show the shortcuts",
  showStatus: "Show the status",
  previousChat: "Chat above",
  nextChat: "Chat below",
  keyControl: "Ctrl",
  keyShift: "Shift",
  keyAlt: "Alt",
  keyEscape: "Esc",
  keyEnter: "Enter",

  // status
  status: "Status",
};

export type Strings = typeof en;

const de: Strings = {
  appName: "chatkeep",
  close: "Schließen",
  copy: "Kopieren",
  copied: "Kopiert.",
  unreachable: "Der Server ist nicht erreichbar. Bitte gleich noch einmal versuchen.",

  // chat
  chats: "Chats",
  newChat: "Neuer Chat",
  message: "Nachricht",
  send: "Senden",

  // session
  key: "Schlüssel",
  keyHint: "Er wird einmal an diesen Server geschickt und nicht in der Seite gespeichert.",
  logIn: "Anmelden",
  logOut: "Abmelden",
  loggedInAs: (name) => `Angemeldet als ${name}`,
  loginAbout: "Dieser Server zeigt Chats erst nach Eingabe eines API-Schlüssels.",
  wrongKey: "Dieser Schlüssel ist nicht gültig.",
  tooManyTries: (seconds) =>
    seconds === 1
      ? "Zu viele falsche Schlüssel. Der nächste Versuch ist in einer Sekunde möglich."
      : `Zu viele falsche Schlüssel. Der nächste Versuch ist in ${seconds} Sekunden möglich.`,
  loginUnreachable: "Der Server ist nicht erreichbar. Bitte gleich noch einmal versuchen.",
  sessionEnded: "Die Sitzung ist abgelaufen",
  sessionEndedAbout: (name) => `Alles Getippte ist noch da. Nach der Anmeldung als ${name} geht es weiter.`,
  startUnreachable: "Der Server ist nicht erreichbar",
  startUnreachableNext: "Die Seite versucht es weiter und öffnet sich von selbst, sobald er antwortet.",

  // shell
  sidebar: "Seitenleiste",
  skipToContent: "Zum Inhalt springen",
  openSidebar: "Seitenleiste anzeigen",
  closeSidebar: "Seitenleiste ausblenden",
  otherViews: "Mehr",
  theme: "Farben",
  themeSystem: "Wie das System",
  themeLight: "Hell",
  themeDark: "Dunkel",
  language: "Sprache",
  languageName: "Deutsch",
  trash: "Papierkorb",
  reconnecting: "Verbindung wird wiederhergestellt … Gesendetes bleibt erhalten und geht dann ab.",
  dismiss: "Nicht mehr anzeigen",

  // first run
  tinyModelTitle: "Hier antwortet ein winziges Modell",
  tinyModelAbout:
    "Es gehört zu chatkeep, läuft auf diesem Rechner und zeigt, dass alles funktioniert. Es macht oft Fehler. Für gute Antworten den Server mit dem Schlüssel eines Anbieters starten:",
  nameProvider: "Den Server mit dem Schlüssel eines Anbieters starten:",
  ollamaIsFound: "Mit anderen Anbietern geht es ebenso, und ein laufendes Ollama wird von selbst gefunden.",
  apiAndSettings: "Über diesen Server",
  noProviderTitle: "Zurzeit kann kein Modell antworten",
  noProviderAbout: "Jeder Anbieter wird von selbst wieder versucht. Das melden sie:",
  noProviderReason: (provider, reason) => `${provider}: ${reason}`,
  noReason: "kein Grund bekannt.",

  // keys
  shortcuts: "Tastenkürzel",
  shortcutsOfPage: "Seite",
  shortcutsOfChats: "Chats",
  shortcutsOfChat: "Dieser Chat",
  shortcutOr: "oder",
  noKey: "keine",
  singleKeys: "Tasten ohne Strg, Alt oder ⌘ verwenden",
  singleKeysAbout: "Ausgeschaltet ist es besser für alle, die ihren Text sprechen. Gilt für diesen Browser.",
  toggleSidebar: "Seitenleiste anzeigen oder ausblenden",
  showShortcuts: "Tastenkürzel anzeigen",
  showStatus: "Status anzeigen",
  previousChat: "Chat darüber",
  nextChat: "Chat darunter",
  keyControl: "Strg",
  keyShift: "Umschalt",
  keyAlt: "Alt",
  keyEscape: "Esc",
  keyEnter: "Eingabe",

  // status
  status: "Status",
};

export const LANGUAGES = { en, de } as const satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;
