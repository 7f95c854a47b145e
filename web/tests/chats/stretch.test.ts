import { describe, expect, test } from "vitest";
import {
  indexAt,
  isJoined,
  retitled,
  type Stretch,
  stretchOf,
  withNewest,
  withOlder,
  without,
  withRow,
} from "../../src/chats/stretch";

const at = (minute: number) => `2026-03-01T10:${String(minute).padStart(2, "0")}:00.000000Z`;
const row = (chatId: string, minute: number, title = chatId) => ({ chatId, title, lastUpdated: at(minute) });
const ids = (list: Stretch) => list.rows.map(({ chatId }) => chatId).join(" ");

function stretch(rows: [string, number][], isEnd = false): Stretch {
  const made = rows.map(([chatId, minute]) => row(chatId, minute));
  return { rows: made, end: isEnd ? null : (made.at(-1) ?? null), cursor: isEnd ? null : "next" };
}

function answer(chats: [string, number, string?][], cursor: string | null) {
  const rows = chats.map(([chatId, minute, run]) => [
    chatId,
    {
      created_at: at(minute),
      last_updated: at(minute),
      message_count: 2,
      title: chatId,
      provider: null,
      model: null,
      active_run: run ?? null,
    },
  ]);
  return { chats: Object.fromEntries(rows), next_cursor: cursor, success: true };
}

describe("stretchOf", () => {
  test("chats whose ids are numbers stand where their time says, though JavaScript puts such members first", () => {
    expect(
      ids(
        stretchOf(
          answer(
            [
              ["beta", 9],
              ["7", 3],
              ["alpha", 5],
            ],
            null,
          ),
        ),
      ),
    ).toBe("beta alpha 7");
  });

  test("chats of one moment stand in the order of the server, by id from behind", () => {
    expect(
      ids(
        stretchOf(
          answer(
            [
              ["a", 5],
              ["c", 5],
              ["b", 5],
            ],
            null,
          ),
        ),
      ),
    ).toBe("c b a");
  });

  test("a chat that has begun long ago does not make the page reach further down than its stored chats do", () => {
    const page = stretchOf(
      answer(
        [
          ["begun", 1, "run_1"],
          ["new", 9],
          ["old", 8],
        ],
        "next",
      ),
    );

    expect(ids(page)).toBe("new old begun");
    expect(page.end?.chatId).toBe("old");
  });
});

describe("withNewest", () => {
  test("a chat that moved up from further down is there once, at the top", () => {
    const known = stretch([
      ["e", 5],
      ["d", 4],
      ["c", 3],
      ["b", 2],
      ["a", 1],
    ]);
    const fresh = stretch([
      ["b", 8],
      ["e", 5],
    ]);

    expect(ids(withNewest(known, fresh))).toBe("b e d c a");
  });

  test("a chat that was deleted within the page is gone, and what is further down stays, with the cursor", () => {
    const known = stretch([
      ["e", 5],
      ["d", 4],
      ["c", 3],
      ["b", 2],
    ]);
    const list = withNewest(known, {
      ...stretch([
        ["e", 5],
        ["c", 3],
      ]),
      cursor: "newer",
    });

    expect(ids(list)).toBe("e c b");
    expect(list.cursor).toBe("next");
    expect(list.end?.chatId).toBe("b");
  });

  test("of chats of one moment at the page's end those behind it stay", () => {
    const known = stretch([
      ["d", 5],
      ["c", 5],
      ["b", 5],
      ["a", 5],
    ]);

    expect(
      ids(
        withNewest(
          known,
          stretch([
            ["d", 5],
            ["c", 5],
          ]),
        ),
      ),
    ).toBe("d c b a");
  });

  test("a page that reaches further down than what was read takes its cursor along", () => {
    const list = withNewest(stretch([["e", 5]]), {
      ...stretch([
        ["e", 5],
        ["d", 4],
        ["c", 3],
      ]),
      cursor: "further",
    });

    expect(ids(list)).toBe("e d c");
    expect(list.cursor).toBe("further");
  });

  test("a page with the whole list replaces everything", () => {
    const list = withNewest(
      stretch([
        ["e", 5],
        ["d", 4],
      ]),
      stretch([["e", 5]], true),
    );

    expect(ids(list)).toBe("e");
    expect(list.cursor).toBeNull();
  });

  test("a list that was read to its end stays so, also when it is longer than a page by now", () => {
    const list = withNewest(
      stretch(
        [
          ["d", 4],
          ["c", 3],
        ],
        true,
      ),
      stretch([
        ["e", 5],
        ["d", 4],
      ]),
    );

    expect(ids(list)).toBe("e d c");
    expect(list.cursor).toBeNull();
  });
});

describe("isJoined", () => {
  test("pages that reach what was the newest chat are, also when that chat is gone", () => {
    expect(
      isJoined(
        stretch([["e", 5]]),
        stretch([
          ["g", 7],
          ["f", 6],
        ]),
      ),
    ).toBe(false);
    expect(
      isJoined(
        stretch([["e", 5]]),
        stretch([
          ["g", 7],
          ["e", 5],
        ]),
      ),
    ).toBe(true);
    expect(
      isJoined(
        stretch([["e", 5]]),
        stretch([
          ["g", 7],
          ["d", 4],
        ]),
      ),
    ).toBe(true);
    expect(isJoined(stretch([["e", 5]]), stretch([["g", 7]], true))).toBe(true);
    expect(isJoined(stretch([], true), stretch([["g", 7]]))).toBe(false);
  });
});

test("a page further down is joined at the cursor, and a chat that is on it and above is there once", () => {
  const list = withOlder(
    stretch([
      ["e", 5],
      ["d", 4],
    ]),
    stretch(
      [
        ["c", 3],
        ["b", 2],
      ],
      true,
    ),
  );
  expect(ids(list)).toBe("e d c b");
  expect(list.cursor).toBeNull();

  expect(
    ids(
      withOlder(
        stretch([
          ["e", 5],
          ["d", 4],
        ]),
        stretch([
          ["e", 3],
          ["b", 2],
        ]),
      ),
    ),
  ).toBe("d e b");
});

test("a chat that comes back stands where it stood, or is left to paging below what was read", () => {
  const known = stretch([
    ["e", 5],
    ["c", 3],
  ]);

  expect(ids(withRow(known, row("d", 4)))).toBe("e d c");
  expect(ids(withRow(known, row("a", 1)))).toBe("e c");
  expect(ids(withRow({ ...known, end: null, cursor: null }, row("a", 1)))).toBe("e c a");
});

test("a chat is taken out, or gets another title, in its place", () => {
  const known = stretch([
    ["e", 5],
    ["d", 4],
    ["c", 3],
  ]);

  expect(ids(without(known, "d"))).toBe("e c");
  expect(retitled(known, "d", "New").rows.map(({ title }) => title)).toEqual(["e", "New", "c"]);
});

test("a place is found by halving, whether it is taken or not", () => {
  const { rows } = stretch([
    ["e", 5],
    ["d", 4],
    ["b", 2],
  ]);

  expect([5, 4, 3, 2, 1].map((minute) => indexAt(rows, row("zz", minute)))).toEqual([0, 1, 2, 2, 3]);
  expect(indexAt(rows, row("d", 4))).toBe(1);
});
