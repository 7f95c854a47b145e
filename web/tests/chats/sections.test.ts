import { expect, test } from "vitest";
import { isHeading, sectioned } from "../../src/chats/sections";

const NAMES = { today: "Today", yesterday: "Yesterday", lastDays: "Last 7 days" };
const NOW = new Date(2026, 2, 10, 15, 30);

function lines(moments: Date[], language: "en" | "de" = "en"): string[] {
  const rows = moments.map((moment, index) => ({
    chatId: `chat-${index}`,
    title: `chat ${index}`,
    lastUpdated: moment.toISOString().replace("Z", "000Z"),
  }));
  return sectioned(rows, NOW, NAMES, language).map((item) => (isHeading(item) ? `# ${item.label}` : item.title));
}

test("chats stand under the day of the reader's own clock, then the week, then months, with the year when it is another", () => {
  const moments = [
    new Date(2026, 2, 10, 0, 0, 0),
    new Date(2026, 2, 9, 23, 59, 59, 999),
    new Date(2026, 2, 8, 12),
    new Date(2026, 2, 3, 0, 0, 0),
    new Date(2026, 2, 2, 23, 59),
    new Date(2026, 1, 14),
    new Date(2026, 1, 1, 0, 0, 0),
    new Date(2025, 11, 31, 23, 59, 59),
    new Date(2024, 11, 31),
  ];

  expect(lines(moments)).toEqual([
    ...["# Today", "chat 0", "# Yesterday", "chat 1", "# Last 7 days", "chat 2", "chat 3", "# March", "chat 4"],
    ...["# February", "chat 5", "chat 6", "# December 2025", "chat 7", "# December 2024", "chat 8"],
  ]);
});

test("a chat from tomorrow, by a clock that goes wrong, is one of today", () => {
  expect(lines([new Date(2026, 2, 11)])).toEqual(["# Today", "chat 0"]);
});

test("months have their names in the language of the page", () => {
  expect(lines([new Date(2025, 2, 1)], "de")[0]).toBe("# März 2025");
});

test("a list without chats has no headings", () => {
  expect(lines([])).toEqual([]);
});
