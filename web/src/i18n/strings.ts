/** Every string that a person reads, in each language. A test holds the languages to the same keys. */

const en = {
  appName: "chatkeep",
  close: "Close",
  copy: "Copy",
  copied: "Copied.",
  unreachable: "The server cannot be reached. It is tried again.",

  // chat
  chats: "Chats",
  newChat: "New chat",
  message: "Message",
  send: "Send",

  // session
  key: "Key",
  logIn: "Log in",

  // status
  status: "Status",
};

export type Strings = typeof en;

const de: Strings = {
  appName: "chatkeep",
  close: "Schließen",
  copy: "Kopieren",
  copied: "Kopiert.",
  unreachable: "Der Server ist nicht erreichbar. Es wird weiter versucht.",

  // chat
  chats: "Chats",
  newChat: "Neuer Chat",
  message: "Nachricht",
  send: "Senden",

  // session
  key: "Schlüssel",
  logIn: "Anmelden",

  // status
  status: "Status",
};

export const LANGUAGES = { en, de } as const satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;
