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

  // providers and numbers
  model: "Model",
  chooseModel: (present: string) => `Model: ${present}`,
  defaultModel: (model: string) => `Default: ${model}`,
  noModel: "No model",
  searchModels: "Search models",
  modelsFound: (count: number) => (count === 1 ? "1 model." : `${count} models.`),
  noModelFound: "No model has all of these words in its name.",
  modelsLoading: "The models are being read.",
  noProvider: "No provider is configured. Set the key of one on the server, then check again.",
  notConfigured: (count: number) => `Not configured (${count})`,
  notListed: "No provider lists this model now.",
  unhealthyChoice: (provider: string) => `${provider} does not answer at present. A message for it may fail.`,
  chooseModelIn: (present: string, state: string) => `Model: ${present} (${state})`,
  healthy: "healthy",
  unhealthy: "unhealthy",
  notConfiguredState: "not configured",
  retryAt: (time: string) => `Tried again at ${time}.`,
  checkNow: "Check now",
  checking: "Checking",
  contextOf: (tokens: string) => `${tokens} context`,
  inputPrice: (price: string) => `${price} in`,
  outputPrice: (price: string) => `${price} out`,
  pricesHint: "Prices are for a million tokens.",
  seesImages: "sees images",

  // settings of a chat
  chatSettings: "Chat settings",
  temperature: "Temperature",
  temperatureHint: "Low is the same answer each time, high is more varied.",
  modelsOwn: "The model's own",
  maxTokens: "Longest reply, in tokens",
  maxTokensHint: "Empty: as long as the model likes.",
  systemPrompt: "System prompt",
  systemPromptHint: "What the model is told before the first message. Empty: the server's own prompt.",
  systemPromptOfChat: "It holds from the next message on. Empty: the model is told nothing.",
  systemPromptWaits: "It can be changed when the first reply is there.",
  systemPromptChanged: "It was changed elsewhere in the meantime. Yours is not saved. Save again to replace it.",
  systemPromptSaved: "The system prompt is saved.",
  notSaved: "It is not saved: the server cannot be reached.",
  save: "Save",
  discard: "Take the saved one",
  notANumber: (least: number, most: number) => `A number from ${least} to ${most}.`,

  // figures of a reply
  tokensOf: (count: string) => `${count} tokens`,
  tokensPerSecondOf: (rate: string) => `${rate} tokens/s`,
  firstTokenIn: (time: string) => `first after ${time}`,
  estimated: "estimated",
  detailModel: "Model",
  detailPrompt: "Prompt",
  detailCached: "of it cached",
  detailReply: "Reply",
  detailReasoning: "of it reasoning",
  detailSpeed: "Speed",
  detailFirstToken: "First token",
  detailElapsed: "In all",
  detailCost: "Cost",
  detailFinish: "Ended by",
  detailFailed: "Failed before",
  failedCall: (name: string, time: string, detail: string) => `${name}, after ${time}: ${detail}`,
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

  // providers and numbers
  model: "Modell",
  chooseModel: (present: string) => `Modell: ${present}`,
  defaultModel: (model: string) => `Standard: ${model}`,
  noModel: "Kein Modell",
  searchModels: "Modelle suchen",
  modelsFound: (count: number) => (count === 1 ? "1 Modell." : `${count} Modelle.`),
  noModelFound: "Kein Modell hat alle diese Wörter im Namen.",
  modelsLoading: "Die Modelle werden gelesen.",
  noProvider:
    "Kein Anbieter ist eingerichtet. Setze auf dem Server den Schlüssel eines Anbieters und prüfe dann erneut.",
  notConfigured: (count: number) => `Nicht eingerichtet (${count})`,
  notListed: "Kein Anbieter führt dieses Modell zurzeit.",
  unhealthyChoice: (provider: string) =>
    `${provider} antwortet zurzeit nicht. Eine Nachricht dorthin kann fehlschlagen.`,
  chooseModelIn: (present: string, state: string) => `Modell: ${present} (${state})`,
  healthy: "in Ordnung",
  unhealthy: "gestört",
  notConfiguredState: "nicht eingerichtet",
  retryAt: (time: string) => `Nächster Versuch um ${time}.`,
  checkNow: "Jetzt prüfen",
  checking: "Wird geprüft",
  contextOf: (tokens: string) => `${tokens} Kontext`,
  inputPrice: (price: string) => `${price} Eingabe`,
  outputPrice: (price: string) => `${price} Ausgabe`,
  pricesHint: "Preise gelten für eine Million Token.",
  seesImages: "sieht Bilder",

  // settings of a chat
  chatSettings: "Einstellungen des Chats",
  temperature: "Temperatur",
  temperatureHint: "Niedrig gibt jedes Mal dieselbe Antwort, hoch gibt mehr Abwechslung.",
  modelsOwn: "Die des Modells",
  maxTokens: "Längste Antwort, in Token",
  maxTokensHint: "Leer: so lang, wie das Modell will.",
  systemPrompt: "Systemprompt",
  systemPromptHint: "Was dem Modell vor der ersten Nachricht gesagt wird. Leer: der Prompt des Servers.",
  systemPromptOfChat: "Gilt ab der nächsten Nachricht. Leer: Dem Modell wird nichts gesagt.",
  systemPromptWaits: "Er kann geändert werden, wenn die erste Antwort da ist.",
  systemPromptChanged:
    "Er wurde inzwischen anderswo geändert. Deiner ist nicht gespeichert. Speichere noch einmal, um ihn zu ersetzen.",
  systemPromptSaved: "Der Systemprompt ist gespeichert.",
  notSaved: "Nicht gespeichert: Der Server ist nicht erreichbar.",
  save: "Speichern",
  discard: "Den gespeicherten nehmen",
  notANumber: (least: number, most: number) => `Eine Zahl von ${least} bis ${most}.`,

  // figures of a reply
  tokensOf: (count: string) => `${count} Token`,
  tokensPerSecondOf: (rate: string) => `${rate} Token/s`,
  firstTokenIn: (time: string) => `erstes nach ${time}`,
  estimated: "geschätzt",
  detailModel: "Modell",
  detailPrompt: "Prompt",
  detailCached: "davon gemerkt",
  detailReply: "Antwort",
  detailReasoning: "davon Nachdenken",
  detailSpeed: "Tempo",
  detailFirstToken: "Erstes Token",
  detailElapsed: "Insgesamt",
  detailCost: "Kosten",
  detailFinish: "Ende durch",
  detailFailed: "Vorher gescheitert",
  failedCall: (name: string, time: string, detail: string) => `${name}, nach ${time}: ${detail}`,
};

export const LANGUAGES = { en, de } as const satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;
