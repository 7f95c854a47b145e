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

  // text of replies
  code: "Code",
  codeIn: (language: string) => `Code in ${language}`,
  copyCode: "Copy code",
  copyFailed: "The text could not be copied.",
  formula: "Formula",
  imageFailed: "The image could not be loaded.",
  imageLoading: "Loading …",
  imageNotShown: "Image without a usable address",
  loadImage: (host: string) => `Load image from ${host}`,
  table: "Table",
  taskDone: "Done",
  taskOpen: "To do",
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

  // text of replies
  code: "Code",
  codeIn: (language: string) => `Code in ${language}`,
  copyCode: "Code kopieren",
  copyFailed: "Der Text ließ sich nicht kopieren.",
  formula: "Formel",
  imageFailed: "Das Bild ließ sich nicht laden.",
  imageLoading: "Wird geladen …",
  imageNotShown: "Bild ohne brauchbare Adresse",
  loadImage: (host: string) => `Bild von ${host} laden`,
  table: "Tabelle",
  taskDone: "Erledigt",
  taskOpen: "Offen",
};

export const LANGUAGES = { en, de } as const satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;
