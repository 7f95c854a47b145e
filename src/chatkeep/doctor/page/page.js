// Tries the server out from here and has the server say what it means. The facts are those of chatkeep/doctor/seen.py.
"use strict";

const SILENCE_S = Number(new URLSearchParams(location.search).get("silence")) || 30;
const PING_S = 10;
const ANSWER_MS = 15000; // for what should come at once; a stream gets this besides the time that it takes
const BODY_BYTES = 1048576;
const COUNT = 12;
const SHOWN = ["server", "via", "cf-ray", "alt-svc"];

const $ = (id) => document.getElementById(id);
const now = (words) => { $("now").textContent = words; };
let loggedIn = false;

// What went wrong, in the server's words when it has some. `status` is 0 when there was no answer.
class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  return new Refusal(response.status, problem.detail || `The answer has the status ${response.status}.`);
}

async function asked(path, options = {}) {
  const response = await fetch(path, { cache: "no-store", ...options });
  if (!response.ok) throw await refusal(response);
  return response;
}

const postJson = (path, body) =>
  asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// One stream as it is read; `take` is given its text as it comes.
function reading(stream, silence) {
  const began = performance.now();
  const seen = { stream, status: 0, events: [], pings: 0, is_whole: false, silence_s: silence };
  let tail = "";
  return {
    seen,
    event(data, arrived) {
      const event = JSON.parse(data);
      seen.is_whole = event.is_last;
      if (!event.is_last) seen.events.push({ sent_ms: event.sent_ms, arrived_ms: arrived - began, size_bytes: data.length });
    },
    take(text) {
      const arrived = performance.now();
      const lines = (tail + text).split("\n");
      tail = lines.pop();
      for (const line of lines) {
        if (line.startsWith(":")) seen.pings += 1;
        else if (line.startsWith("data: ")) this.event(line.slice(6), arrived);
      }
    },
    end(detail = "") {
      return { ...seen, elapsed_ms: performance.now() - began, detail };
    },
  };
}

async function fetched(stream, method, query) {
  const read = reading(stream, Number(query.silence_s || 0));
  const waited = new AbortController();
  const timer = setTimeout(() => waited.abort(), ANSWER_MS + SILENCE_S * 1000);
  try {
    const path = `doctor/stream?${new URLSearchParams(query)}`;
    const response = await fetch(path, { method, cache: "no-store", signal: waited.signal });
    read.seen.status = response.status;
    read.seen.content_encoding = response.headers.get("content-encoding") || "";
    if (!response.ok) return read.end((await refusal(response)).message);
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return read.end();
      read.take(decoder.decode(value, { stream: true }));
    }
  } catch (error) {
    return read.end(waited.signal.aborted ? "It came to no end." : String(error.message));
  } finally {
    clearTimeout(timer);
  }
}

function byEventSource(query) {
  const read = reading("eventsource", 0);
  const source = new EventSource(`doctor/stream?${new URLSearchParams(query)}`);
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish("It came to no end."), ANSWER_MS);
    function finish(detail) {
      clearTimeout(timer);
      source.close();
      resolve(read.end(detail));
    }
    source.onopen = () => { read.seen.status = 200; };
    source.onerror = () => finish("The browser says no more than that it failed.");
    source.addEventListener("probe", (message) => {
      read.event(message.data, performance.now());
      if (read.seen.is_whole) finish("");
    });
  });
}

function bySocket() {
  const address = new URL("doctor/socket", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  const seen = { is_open: false, has_echoed: false };
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish("there is no answer to the handshake"), ANSWER_MS);
    function finish(detail) {
      clearTimeout(timer);
      socket.onclose = null;
      socket.close();
      resolve({ ...seen, detail: seen.has_echoed ? "" : detail });
    }
    socket.onopen = () => {
      seen.is_open = true;
      socket.send("are you there?");
    };
    socket.onmessage = (message) => {
      seen.has_echoed = message.data === "are you there?";
      finish("");
    };
    socket.onclose = () => finish("the browser does not say why");
  });
}

async function posted(post, size) {
  const headers = { "Content-Type": "application/octet-stream" };
  try {
    const response = await asked("doctor/body", { method: "POST", headers, body: new Uint8Array(size) });
    const answer = await response.json();
    return { post, size_bytes: size, status: response.status, received_bytes: answer.received_bytes };
  } catch (error) {
    return { post, size_bytes: size, status: error.status || 0, detail: String(error.message) };
  }
}

const quick = (name, interval) => {
  const query = { count: COUNT, interval_ms: interval };
  return name === "eventsource" ? byEventSource(query) : fetched(name, name === "post" ? "POST" : "GET", query);
};

async function look() {
  const response = await asked("doctor/request");
  const arrived = await response.json();
  const headers = Object.fromEntries(SHOWN.filter((name) => response.headers.has(name)).map((name) => [name, response.headers.get(name)]));
  const timing = performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/doctor/request")).pop();
  const seen = { url: location.href.replace(/\/doctor\/?([?#].*)?$/, ""), headers, arrived, protocol: timing?.nextHopProtocol || "", streams: [] };

  now(`Trying streams, a WebSocket and ${SILENCE_S} seconds of silence …`);
  const slow = [
    fetched("silent", "GET", { count: 1, silence_s: SILENCE_S }),
    fetched("lasting", "GET", { count: 1, silence_s: SILENCE_S, ping_s: PING_S }),
  ];
  const socket = bySocket();
  seen.streams.push(...await Promise.all(["get", "post", "eventsource"].map((name) => quick(name, 200))));
  const size = Math.min(BODY_BYTES, arrived.max_body_bytes);
  seen.posts = [await posted("origin", 2), await posted("large", size)];

  const { again } = await (await postJson("doctor/report", seen)).json();
  if (again.length) {
    now("Trying again what came late …");
    seen.streams.push(...await Promise.all(again.map((name) => quick(name, 400))));
    seen.streams.push(await fetched("padded", "GET", { count: 48, interval_ms: 50, padding_bytes: 2048 }));
  }
  now(`Waiting through ${SILENCE_S} seconds of silence …`);
  seen.socket = await socket;
  seen.streams.push(...await Promise.all(slow));
  return (await (await postJson("doctor/report", seen)).json()).report;
}

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function show(report) {
  $("findings").replaceChildren(...report.findings.map((finding) => {
    const remedies = finding.remedies.flatMap((each) => [element("h4", each.of), element("pre", each.setting)]);
    const article = element("article", "", element("h3", `${finding.title}: ${finding.verdict}`), element("p", finding.sentence), ...remedies);
    article.className = finding.verdict;
    return article;
  }));
  $("report").hidden = false;
  const count = (verdict) => report.findings.filter((finding) => finding.verdict === verdict).length;
  now(`Done: ${count("problem")} problems, ${count("warning")} warnings, ${count("ok")} checks without either.`);
}

async function logOut() {
  if (!loggedIn) return;
  loggedIn = false;
  await fetch("logout", { method: "POST", keepalive: true });
}

async function begin(key) {
  $("login").hidden = $("again").hidden = $("report").hidden = true;
  now("One moment …");
  try {
    if (key) {
      await postJson("login", { key });
      loggedIn = true;
    } else {
      await asked("login");
    }
    show(await look());
    $("again").hidden = false;
  } catch (error) {
    now(String(error.message));
    $("again").hidden = error.status === 401;
    $("login").hidden = error.status !== 401;
  } finally {
    await logOut();
  }
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = $("key").value.trim();
  $("key").value = "";
  begin(key);
});
$("again").addEventListener("click", () => begin());
addEventListener("pagehide", logOut);
begin();
