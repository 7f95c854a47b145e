import { beforeEach, expect, test, vi } from "vitest";
import { Refused, SERVER_PATH } from "../../src/api/client";
import { LANGUAGES } from "../../src/i18n/strings";
import { keep, keepFor, keepInTab, kept } from "../../src/session/kept";
import { reasonOf } from "../../src/session/LoginForm";
import { check, findOut, logIn, logOut, noteUnauthorized, session, whenOpen } from "../../src/session/session";
import { until } from "../until";

const ALICE = { name: "alice", owner: "alice", role: "user", success: true };
const answers: (() => Response)[] = [];

beforeEach(() => {
  answers.length = 0;
  localStorage.clear();
  vi.stubGlobal("fetch", async () => (answers.shift() ?? unreachable)());
  session.value = { state: "unknown" };
});

function unreachable(): Response {
  throw new TypeError("Failed to fetch");
}

function json(body: object, status = 200, headers: Record<string, string> = {}): () => Response {
  return () =>
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

const denied = json({ code: "unauthorized", detail: "Send a key." }, 401);

test("a server that is not reached is asked again until it answers", async () => {
  answers.push(unreachable, json({}, 502), json(ALICE));
  const waits: number[] = [];
  await findOut(async (ms) => void waits.push(ms));
  expect(waits).toHaveLength(2);
  expect(session.value).toEqual({ state: "open", who: ALICE });
});

test("without a session a key is asked for, and with the right one it begins", async () => {
  answers.push(denied, json(ALICE));
  await check();
  expect(session.value).toEqual({ state: "needed" });
  await logIn("ck_right");
  expect(session.value).toEqual({ state: "open", who: ALICE });
});

test("a wrong key changes nothing", async () => {
  answers.push(denied, denied);
  await check();
  await expect(logIn("ck_wrong")).rejects.toBeInstanceOf(Refused);
  expect(session.value).toEqual({ state: "needed" });
});

test("a session that ends keeps what is shown and kept, and who comes back goes on", async () => {
  answers.push(json(ALICE), json(ALICE));
  await check();
  keep("draft:1", "half a thought");
  noteUnauthorized(new Refused(401, "unauthorized", "Gone.", null));
  expect(session.value).toEqual({ state: "ended", who: ALICE });
  const waiting = whenOpen(new AbortController().signal);
  await logIn("ck_right");
  await waiting;
  expect(kept("draft:1")).toBe("half a thought");
});

test("what waits for a session is dropped when somebody else logs in", async () => {
  answers.push(json(ALICE), json({ ...ALICE, name: "bob", owner: "bob" }));
  await check();
  noteUnauthorized(new Refused(401, "unauthorized", "Gone.", null));
  const waiting = expect(whenOpen(new AbortController().signal)).rejects.toThrow("Somebody else");
  await logIn("ck_of_bob");
  await waiting;
});

test("logging out forgets what is kept, and keeps nothing that comes later", async () => {
  answers.push(json(ALICE), json({ success: true }));
  await check();
  keep("draft:1", "half a thought");
  await logOut();
  keep("draft:1", "too late");
  expect(session.value).toEqual({ state: "needed" });
  expect(localStorage.length).toBe(0);
});

test("what another tab leaves is forgotten here too, also what this tab kept for itself", async () => {
  answers.push(json(ALICE));
  await check();
  keepInTab("history", "[]");
  new BroadcastChannel(`chatkeep-session:${SERVER_PATH}`).postMessage("left");
  await until(() => session.value.state === "needed");
  expect(sessionStorage.length).toBe(0);
});

test("when another tab lets somebody else in, nothing is open here before the server has said so", async () => {
  const bob = { ...ALICE, name: "bob", owner: "bob" };
  answers.push(json(ALICE));
  await check();
  const seen: string[] = [];
  const end = session.subscribe((now) => seen.push("who" in now ? now.who.owner : now.state));
  answers.push(json(bob));
  new BroadcastChannel(`chatkeep-session:${SERVER_PATH}`).postMessage({ entered: "bob" });
  await vi.waitUntil(() => seen.includes("bob"));
  end();
  expect(seen).toEqual(["alice", "needed", "bob"]);
});

test("two servers behind one host have nothing of each other", async () => {
  keepFor("alice");
  keep("draft:1", "for the one");
  document.head.innerHTML = '<base href="/other/">';
  vi.resetModules();
  const other = await import("../../src/session/kept");
  document.head.innerHTML = "";
  other.keepFor("alice");
  expect(other.kept("draft:1")).toBeNull();
  expect(kept("draft:1")).toBe("for the one");
});

test("a login that fails says why", () => {
  const wait = (ms: number) => new Refused(429, "rate_limited", "Wait.", ms);
  expect(reasonOf(new Refused(401, "unauthorized", "", null), LANGUAGES.en)).toBe("This key is not valid.");
  expect(reasonOf(wait(900), LANGUAGES.en)).toContain("in a second.");
  expect(reasonOf(wait(41_000), LANGUAGES.de)).toContain("in 41 Sekunden");
});
