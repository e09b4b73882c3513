// One task after another; every answer is on its way to disk the moment it is given. Texts are set as text, never as markup.
"use strict";

const at = (id) => document.getElementById(id);
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const visible = (text) => text.replace(HIDDEN, (c) => `‹U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
const make = (name, text, kind) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = visible(String(text));
  if (kind) made.className = kind;
  return made;
};

const WORDS = { first: "First", second: "Second", tie: "As good" };

let state, place = 0, row = 0, since = 0, shown = 0, isShown = false;
const cache = new Map(), pending = new Map();
let sending = false;

async function asked(path) {
  const got = await fetch(path, { cache: "no-store" });
  if (!got.ok) throw new Error(await got.text());
  return got.json();
}

function task(name) {
  if (!cache.has(name)) {
    const got = asked(`/task/${encodeURIComponent(name)}`);
    got.catch(() => cache.delete(name));
    cache.set(name, got);
  }
  return cache.get(name);
}

const isWhole = (vote) => Boolean(vote) && (state.form.kind === "pair" ? Boolean(vote.label)
  : state.form.criteria.every((c) => vote.scores && c.name in vote.scores));
const answered = () => state.tasks.filter((name) => isWhole(state.votes[name])).length;

function tell(text, kind) {
  at("done").textContent = pending.size ? "Not all of it is saved yet: leave this window open."
    : "Everything is saved. You can close this window, or go back and change an answer.";
  at("saved").textContent = text;
  at("saved").className = kind || "";
}

async function send() {
  if (sending) return;
  sending = true;
  while (pending.size) {
    const [name, body] = pending.entries().next().value;
    tell("saving …");
    let got;
    try {
      got = await fetch("/answer", { method: "POST", headers: { "Content-Type": "application/json", "X-Tamis-Review": "1" }, body: JSON.stringify(body) });
    } catch {
      tell("not saved yet: the server does not answer; trying again", "bad");
      await new Promise((done) => setTimeout(done, 1000));
      continue;
    }
    if (got.ok) {
      if (pending.get(name) === body) pending.delete(name);
      tell("saved", "good");
      continue;
    }
    tell(`not saved: ${await got.text()}`, "bad");
    if (got.status === 400) {
      pending.delete(name);
      delete state.votes[name];
      mark();
      break;
    }
    if (got.status < 500) break; // signed out: it waits here, and the next answer tries again
    await new Promise((done) => setTimeout(done, 2000));
  }
  sending = false;
}

function save(change) {
  const name = state.tasks[place];
  const before = state.votes[name] || {};
  const vote = { ...before, ...change, note: at("note").value };
  state.votes[name] = vote;
  const seconds = Math.round((performance.now() - since) / 100) / 10;
  const body = { task: name, rater: state.rater, note: vote.note, seconds };
  if (state.form.kind === "pair") body.label = vote.label; else body.scores = vote.scores;
  pending.delete(name);
  pending.set(name, body);
  send();
}

// An answer is to what is on the screen: none while a task is still on its way, and none by the key that answered the one before.
const BLINK = 150; // milliseconds
const isOpen = () => isShown && performance.now() - since > BLINK;

function choose(label) {
  if (!isOpen()) return;
  save({ label });
  onward();
}

function rate(index, points) {
  if (!isOpen()) return;
  const name = state.tasks[place], own = state.form.criteria[index];
  const was = isWhole(state.votes[name]);
  save({ scores: { ...(state.votes[name] || {}).scores, [own.name]: points } });
  if (!was && isWhole(state.votes[name])) return onward();
  row = Math.min(index + 1, state.form.criteria.length - 1);
  mark();
}

function onward() {
  const after = [...state.tasks.keys()].slice(place + 1), before = [...state.tasks.keys()].slice(0, place);
  const open = [...after, ...before].find((k) => !isWhole(state.votes[state.tasks[k]]));
  show(open === undefined ? state.tasks.length : open);
}

function mark() {
  const vote = state.votes[state.tasks[place]] || {};
  for (const button of at("choices").querySelectorAll("button")) {
    const { label, criterion, points } = button.dataset;
    const pressed = label ? vote.label === label : (vote.scores || {})[criterion] === Number(points);
    button.setAttribute("aria-pressed", String(pressed));
  }
  [...at("choices").querySelectorAll(".row")].forEach((own, k) => {
    own.classList.toggle("now", k === row);
    if (k === row) own.scrollIntoView({ block: "nearest" });
  });
  [...at("answers").children].forEach((own, k) => own.classList.toggle("chosen", vote.label === ["first", "second"][k]));
  at("count").textContent = `${answered().toLocaleString("en")} of ${state.tasks.length.toLocaleString("en")}`;
  at("progress").max = Math.max(1, state.tasks.length);
  at("progress").value = answered();
}

async function show(where) {
  if (at("note") === document.activeElement) at("note").blur();
  place = Math.max(0, Math.min(where, state.tasks.length));
  isShown = false;
  const mine = ++shown, isEnd = place === state.tasks.length, name = state.tasks[place];
  at("next").disabled = isEnd;
  at("back").disabled = place === 0;
  at("question").hidden = at("choices").hidden = at("note").hidden = isEnd;
  document.querySelector(".below label").hidden = isEnd;
  if (isEnd) {
    const open = state.tasks.length - answered();
    at("enough").textContent = open ? `${open.toLocaleString("en")} still open: go back to ${open > 1 ? "them" : "it"}` : "All answered";
    tell(at("saved").textContent, at("saved").className);
    at("task").hidden = true;
    at("end").hidden = false;
    return mark();
  }
  let own;
  try {
    own = await task(name);
  } catch (wrong) {
    tell(`task ${name} cannot be shown: ${wrong.message}`, "bad");
    if (mine === shown) setTimeout(() => mine === shown && show(place), 1500);
    return;
  }
  if (mine !== shown) return;
  at("end").hidden = true;
  at("task").hidden = false;
  at("name").textContent = `Task ${name}`;
  for (const part of ["prompt", "reference"]) {
    at(part).parentElement.hidden = !own[part];
    at(part).textContent = visible(own[part]);
  }
  at("answers").replaceChildren(...own.texts.map((text, k) => {
    const card = make("article");
    card.append(make("h2", own.texts.length > 1 ? ["First", "Second"][k] : "Answer"));
    const body = make("div", text || "(empty)", text ? "text" : "text none");
    body.dir = "auto";
    card.append(body);
    return card;
  }));
  at("said").hidden = !own.said;
  if (own.said) {
    const list = make("ul");
    for (const one of own.said) {
      const what = WORDS[one.label] || Object.entries(one.scores || {}).map(([c, points]) => `${c} ${points}`).join(", ");
      list.append(make("li", one.note ? `${what}: ${one.note}` : what));
    }
    at("said").replaceChildren(make("h2", "What raters said"), list);
  }
  const vote = state.votes[name] || {};
  at("note").value = vote.note || "";
  row = Math.max(0, state.form.criteria.findIndex((c) => !vote.scores || !(c.name in vote.scores)));
  since = performance.now();
  isShown = true;
  mark();
  scrollTo(0, 0);
  at("main").focus({ preventScroll: true });
  for (const near of [place + 1, place + 2]) if (state.tasks[near]) task(state.tasks[near]).catch(() => {});
}

const keyOf = (c, points) => c.low === 0 ? points : points - c.low + 1;

function build() {
  at("question").textContent = visible(state.form.question);
  at("who").textContent = visible(state.rater);
  at("guide").hidden = !state.form.guide.length;
  at("guide").querySelector("ul").replaceChildren(...state.form.guide.map((line) => make("li", line)));
  const button = (key, text, act, data) => {
    const made = make("button");
    made.type = "button";
    if (key !== "") made.append(make("kbd", key));
    made.append(document.createTextNode(text));
    Object.assign(made.dataset, data);
    made.addEventListener("click", () => { made.blur(); act(); });
    return made;
  };
  if (state.form.kind === "pair") {
    at("choices").replaceChildren(...state.labels.map((label, k) => button(k + 1, WORDS[label], () => choose(label), { label })));
    at("keys").textContent = `Keys: 1 first, 2 second${state.labels.length > 2 ? ", 3 as good" : ""}; ← → back and next; n a note, Esc out of it`;
  } else {
    at("choices").className = "rows";
    at("choices").replaceChildren(...state.form.criteria.map((c, index) => {
      const own = make("div", undefined, "row"), points = make("div", undefined, "points");
      for (let k = c.low; k <= c.high; k++) {
        const key = keyOf(c, k) % 10;
        points.append(button(key === k ? "" : key, String(k), () => rate(index, k), { criterion: c.name, points: k }));
      }
      const means = Object.entries(c.anchors).map(([k, says]) => `${k}: ${says}`).join("; ");
      own.append(make("div", c.name.replaceAll("_", " ")), points);
      for (const line of [c.says, means]) if (line) own.append(make("div", line, "says"));
      return own;
    }));
    at("keys").textContent = "Keys: digits rate the marked line; ↑ ↓ another line; ← → back and next; n a note, Esc out of it";
  }
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === at("note")) {
    if (event.key === "Escape") { event.preventDefault(); at("note").blur(); }
    return;
  }
  const isEnd = place === state.tasks.length;
  const act = () => {
    if (event.key === "ArrowLeft") return show(place - 1);
    if (event.key === "ArrowRight") return show(place + 1);
    if (isEnd) return false;
    if (event.key === "n") return at("note").focus();
    if (/^[0-9]$/.test(event.key) && !event.repeat) {
      const digit = Number(event.key);
      if (state.form.kind === "pair") return state.labels[digit - 1] && choose(state.labels[digit - 1]);
      const c = state.form.criteria[row];
      for (let k = c.low; k <= c.high; k++) if (keyOf(c, k) % 10 === digit) return rate(row, k);
      return undefined;
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && state.form.kind === "score") {
      row = Math.max(0, Math.min(row + step, state.form.criteria.length - 1));
      return mark();
    }
    return false;
  };
  if (act() !== false) event.preventDefault();
}

async function start() {
  try {
    state = await asked("/state");
  } catch (wrong) {
    tell(wrong.message, "bad");
    return;
  }
  document.title = `Review: ${visible(state.rater)}`;
  build();
  at("ask").hidden = false;
  at("back").addEventListener("click", () => show(place - 1));
  at("next").addEventListener("click", () => show(place + 1));
  at("note").addEventListener("change", () => { if (state.votes[state.tasks[place]]) save({}); });
  addEventListener("keydown", pressed);
  addEventListener("beforeunload", (event) => { if (pending.size) event.preventDefault(); });
  place = -1;
  onward();
}

start();
