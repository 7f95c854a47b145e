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

  // chats and search
  today: "Today",
  yesterday: "Yesterday",
  lastSevenDays: "Last 7 days",
  loadingChats: "Chats are loading.",
  chatsUnreachable: "The chats could not be loaded: the server cannot be reached.",
  tryAgain: "Try again",
  showMore: "Show more",
  noChats: "No chats yet.",
  noChatsTeaches:
    "Ask something on the right. Each chat is kept here, and its replies go on also while you are elsewhere.",
  isAnswering: "A reply is being written.",
  hasNewReply: "New reply.",
  menuOf: (title: string) => `Menu of ${title}`,
  titleOfChat: "Title of the chat",
  rename: "Rename",
  delete: "Delete",
  exportMarkdown: "Export as Markdown",
  exportText: "Export as text",
  exportJson: "Export as JSON",
  undo: "Undo",
  chatDeleted: (title: string) => `“${title}” is in the trash.`,
  chatRestored: (title: string) => `“${title}” is back.`,
  openChat: "Open chat",
  searchMessages: "Search messages",
  clearSearch: "Clear the search",
  searching: "Searching…",
  searchUnreachable: "The search did not work: the server cannot be reached.",
  foundCount: (count: number) => (count === 0 ? "Nothing found." : count === 1 ? "1 result" : `${count} results`),
  foundMoreThan: (count: number) => `More than ${count} results`,
  roleNames: (role: string): string => (role === "user" ? "You" : role === "assistant" ? "Reply" : "System"),
  searchTeaches: "Messages with all words are found. More can be said:",
  searchSyntax: [
    ['"red moon"', "these words in this order"],
    ["moon -red", "without this word"],
    ["moon or sun", "one of the two"],
  ] as readonly (readonly [string, string])[],
  import: "Import",
  importing: "Importing…",
  importDone: "Import",
  importTooLarge: "The file is too large for the page. The command “chatkeep import” takes it.",
  importUnreachable: "The file was not taken: the server cannot be reached.",
  importedCount: (count: number) => (count === 1 ? "1 chat was imported." : `${count} chats were imported.`),
  skippedCount: (count: number) => (count === 1 ? "1 chat was skipped" : `${count} chats were skipped`),
  skipReasons: {
    already_there: "is there already, with all its messages.",
    differs: "is there already and lacks some of these messages. It was left as it is.",
    id_taken: "has the id of another chat.",
  },
  findingCount: (count: number) => (count === 1 ? "1 thing was left out" : `${count} things were left out`),
  andMore: (count: number) => `And ${count} more.`,
  trash: "Trash",
  trashTeaches:
    "Deleted chats stay here until the server removes them for good, after 7 days unless it is set otherwise.",
  trashEmpty: "The trash is empty.",
  deletedAt: (moment: string) => `Deleted ${moment}`,
  messageCount: (count: number) => (count === 1 ? "1 message" : `${count} messages`),
  restore: "Restore",
  restoreChat: (title: string) => `Restore ${title}`,
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

  // chats and search
  today: "Heute",
  yesterday: "Gestern",
  lastSevenDays: "Letzte 7 Tage",
  loadingChats: "Die Chats werden geladen.",
  chatsUnreachable: "Die Chats konnten nicht geladen werden: Der Server ist nicht erreichbar.",
  tryAgain: "Nochmal versuchen",
  showMore: "Mehr zeigen",
  noChats: "Noch keine Chats.",
  noChatsTeaches:
    "Stelle rechts eine Frage. Jeder Chat bleibt hier erhalten, und Antworten gehen weiter, auch wenn du woanders bist.",
  isAnswering: "Eine Antwort wird geschrieben.",
  hasNewReply: "Neue Antwort.",
  menuOf: (title) => `Menü von ${title}`,
  titleOfChat: "Titel des Chats",
  rename: "Umbenennen",
  delete: "Löschen",
  exportMarkdown: "Als Markdown exportieren",
  exportText: "Als Text exportieren",
  exportJson: "Als JSON exportieren",
  undo: "Rückgängig",
  chatDeleted: (title) => `„${title}“ ist im Papierkorb.`,
  chatRestored: (title) => `„${title}“ ist wieder da.`,
  openChat: "Chat öffnen",
  searchMessages: "Nachrichten durchsuchen",
  clearSearch: "Suche leeren",
  searching: "Wird gesucht…",
  searchUnreachable: "Die Suche ging nicht: Der Server ist nicht erreichbar.",
  foundCount: (count) => (count === 0 ? "Nichts gefunden." : count === 1 ? "1 Treffer" : `${count} Treffer`),
  foundMoreThan: (count) => `Mehr als ${count} Treffer`,
  roleNames: (role) => (role === "user" ? "Du" : role === "assistant" ? "Antwort" : "System"),
  searchTeaches: "Gefunden werden Nachrichten mit allen Wörtern. Es geht auch genauer:",
  searchSyntax: [
    ['"roter Mond"', "diese Wörter in dieser Folge"],
    ["Mond -rot", "ohne dieses Wort"],
    ["Mond or Sonne", "eines von beiden"],
  ],
  import: "Importieren",
  importing: "Wird importiert…",
  importDone: "Import",
  importTooLarge: "Die Datei ist zu groß für die Seite. Der Befehl „chatkeep import“ nimmt sie.",
  importUnreachable: "Die Datei wurde nicht genommen: Der Server ist nicht erreichbar.",
  importedCount: (count) => (count === 1 ? "1 Chat wurde importiert." : `${count} Chats wurden importiert.`),
  skippedCount: (count) => (count === 1 ? "1 Chat wurde übergangen" : `${count} Chats wurden übergangen`),
  skipReasons: {
    already_there: "ist schon da, mit allen Nachrichten.",
    differs: "ist schon da, und es fehlen einige dieser Nachrichten. Er blieb, wie er ist.",
    id_taken: "hat die Kennung eines anderen Chats.",
  },
  findingCount: (count) => (count === 1 ? "1 Sache wurde weggelassen" : `${count} Sachen wurden weggelassen`),
  andMore: (count) => `Und ${count} weitere.`,
  trash: "Papierkorb",
  trashTeaches:
    "Gelöschte Chats bleiben hier, bis der Server sie endgültig entfernt, nach 7 Tagen, wenn nichts anderes eingestellt ist.",
  trashEmpty: "Der Papierkorb ist leer.",
  deletedAt: (moment) => `Gelöscht ${moment}`,
  messageCount: (count) => (count === 1 ? "1 Nachricht" : `${count} Nachrichten`),
  restore: "Wiederherstellen",
  restoreChat: (title) => `${title} wiederherstellen`,
};

export const LANGUAGES = { en, de } as const satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;
