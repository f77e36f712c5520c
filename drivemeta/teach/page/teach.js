// The page: what is shown, and what each click and key does.

import { Steps, follow, get, getJson, place } from "./api.js";
import { FrameCanvas, overlap, sized } from "./canvas.js";
import { fillSheet, listen } from "./keys.js";
import { HitList, fillClasses, fillExported, fillReport, say, sorted, times } from "./lists.js";
import { drawTimeline, frameAt } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const PREVIEW_PX = 480, REST_MS = 90, THRESHOLD_REST_MS = 250, SECOND = 1;

const S = {
  clips: [], clip: null, frame: 0, time: 0, look: { proposals: [], found: [] }, page: null,
  active: "", selected: null, hits: [], hitsOf: "", hitsAsked: 0, hitsStamp: 0, hit: null, threshold: null,
  playing: false, reveal: false, line: [0, 0],
};

const clip = () => S.clips.find((each) => each.name === S.clip);
const names = () => (S.page?.classes ?? []).map((each) => each.name);
const known = () => S.page?.classes.find((each) => each.name === S.active);
const colour = (name) => S.page?.classes.find((each) => each.name === name)?.colour ?? "#bfe0ff";
const boxesHere = () => (S.page?.boxes ?? []).filter((box) => box.clip === S.clip && box.frame === S.frame);
const selectedBox = () => (S.selected?.id ? boxesHere().find((box) => box.id === S.selected.id) : null);
const threshold = () => S.threshold ?? known()?.threshold ?? 0.3;

const canvas = new FrameCanvas($("frame"), scene, { clicked, drawn, changed });
const steps = new Steps(() => S.page.revision, (page, refused) => {
  if (!refused) banner("");
  applyPage(page, refused);
}, told);
const lists = [new HitList($("best"), chooseHit), new HitList($("unsure"), chooseHit)];

function scene() {
  const box = selectedBox(), pending = S.selected?.pending;
  const taught = names(), boxes = boxesHere();
  const free = (each) => !boxes.some((other) => overlap(other.xyxy, each.xyxy) > 0.4);
  return {
    boxes,
    proposals: S.look.proposals,
    found: S.look.found.filter((each) => taught.includes(each.name) && free(each)),
    colour,
    selectedId: box?.id,
    selectedBox: box?.xyxy ?? pending,
    selectedName: box?.name ?? (pending ? "name it" : ""),
    selectedColour: box ? colour(box.name) : "#ffffff",
    hit: S.hit && S.hit.clip === S.clip && S.hit.frame === S.frame && S.hit.status === "open" ? S.hit : null,
  };
}

// ---- frames ----

let wanted = 0, resting = null, loading = null;

function goTo(frame, { clipName = S.clip, rest = 0, keep = false } = {}) {
  const of = S.clips.find((each) => each.name === clipName);
  const number = Math.min(Math.max(Math.round(frame), 0), of.frames - 1);
  const far = clipName !== S.clip || Math.abs(number - S.frame) > 1;
  if (clipName !== S.clip) {
    S.clip = clipName;
    $("clip").value = clipName;
    $("seek").max = of.frames - 1;
  }
  S.frame = number;
  if (!keep) S.selected = null;
  S.look = { proposals: [], found: [] };
  canvas.hover = null;
  canvas.exact = false;
  $("seek").value = number;
  loading?.abort();
  clearTimeout(resting);
  wanted += 1;
  const turn = wanted;
  loading = new AbortController();
  if (far && rest) loadPicture(turn, true, loading.signal).catch(quietly);
  resting = setTimeout(() => settle(turn, loading.signal), rest);
  shown();
}

async function loadPicture(turn, near, signal) {
  const ratio = devicePixelRatio || 1;
  const most = near ? PREVIEW_PX : Math.ceil(Math.max(...canvas.shown) * ratio);
  const response = await get(`frame/${place(S.clip, S.frame)}?most=${most}${near ? "&near=1" : ""}`, { signal });
  const image = await createImageBitmap(await response.blob());
  if (turn !== wanted || (near && canvas.exact)) return;
  const size = response.headers.get("x-size").split("x").map(Number);
  const exact = Number(response.headers.get("x-frame")) === S.frame;
  if (!near) S.time = Number(response.headers.get("x-time"));
  canvas.show(image, size, exact);
  showTime();
}

async function settle(turn, signal) {
  try {
    await loadPicture(turn, false, signal);
    if (turn !== wanted) return;
    remember();
    // Not before: the server would look at every frame that is only passed.
    const found = await getJson(`look/${place(S.clip, S.frame)}`, { signal });
    if (turn !== wanted) return;
    S.look = found;
    shown();
  } catch (error) {
    quietly(error);
  }
}

async function lookAgain() {
  const turn = wanted;
  if (S.playing || !canvas.exact) return;
  try {
    const found = await getJson(`look/${place(S.clip, S.frame)}`);
    if (turn === wanted) {
      S.look = found;
      shown();
    }
  } catch (error) {
    quietly(error);
  }
}

function quietly(error) {
  if (error.name !== "AbortError") told(error);
}

function remember() {
  history.replaceState(null, "", `#${encodeURIComponent(S.clip)}/${S.frame}`);
}

async function play() {
  S.playing = !S.playing;
  $("play").textContent = S.playing ? "Stop" : "Play";
  $("play").setAttribute("aria-label", "Play");
  $("play").setAttribute("aria-pressed", String(S.playing));
  while (S.playing && S.frame < clip().frames - 1) {
    const started = performance.now();
    S.selected = canvas.hover = null;
    S.frame += 1;
    const turn = ++wanted, of = S.frame;
    try {
      const look = getJson(`look/${place(S.clip, of)}`);
      look.catch(() => {});
      await loadPicture(turn, false);
      const found = await look;
      if (turn !== wanted) break;
      S.look = found;
    } catch (error) {
      told(error);
      break;
    }
    $("seek").value = of;
    shown();
    const left = 1000 / clip().fps - (performance.now() - started);
    await new Promise((done) => setTimeout(done, Math.max(left, 0)));
  }
  if (S.playing) play();
}

function stop() {
  if (S.playing) play();
}

// ---- what the user does ----

const typed = () => $("name").value.trim();

function clicked(what) {
  stop();
  if (!what) S.selected = null;
  else if (what.kind === "box") {
    S.selected = { id: what.id };
    setActive(selectedBox().name);
  } else take(what.proposal.xyxy, "proposed");
  shown();
}

function drawn(xyxy) {
  take(xyxy, "drawn");
}

function take(xyxy, origin) {
  if (!S.page) return;
  S.selected = { pending: xyxy, origin };
  canvas.hover = null;
  const name = typed() || S.active;
  if (name) add(name);
  else $("name").focus();
  shown();
}

async function add(name) {
  const { pending, origin } = S.selected;
  const known = new Set(S.page.boxes.map((box) => box.id));
  const action = { do: "add", clip: S.clip, frame: S.frame, xyxy: pending, name, origin };
  if (await steps.do("act", { actions: [action] })) {
    const added = S.page.boxes.find((box) => !known.has(box.id));
    if (added && added.frame === S.frame) S.selected = { id: added.id };
    if (added) setActive(added.name);
    if (document.activeElement === $("name")) $("frame").focus();
  }
  shown();
}

function changed(xyxy) {
  if (S.selected?.pending) {
    S.selected.pending = xyxy;
    return shown();
  }
  const box = selectedBox();
  box.xyxy = xyxy; // as it is dragged, until the server has it
  return steps.do("act", { actions: [{ do: "move", id: box.id, xyxy }] });
}

function nameGiven() {
  const name = typed();
  if (!name || !S.page) return undefined;
  const box = selectedBox();
  if (S.selected?.pending) return add(name);
  if (box && box.name !== name) {
    setActive(name);
    $("frame").focus();
    return steps.do("act", { actions: [{ do: "rename", id: box.id, name }] });
  }
  if (!box && S.hit?.status === "open" && name !== S.active) return acceptAs(name);
  setActive(name);
  $("frame").focus();
  return shown();
}

function setActive(name) {
  if (name !== S.active) {
    flushThreshold();
    S.active = name;
    S.threshold = null;
    S.hit = null;
    S.hits = [];
    loadHits();
  }
  $("name").value = name;
}

function acceptAs(name) {
  const { hit } = S;
  if (!hit || hit.status !== "open") return undefined;
  const next = nextHit(hit);
  const action = { do: "add", clip: hit.clip, frame: hit.frame, xyxy: hit.xyxy, name, origin: "hit" };
  return decided(hit, next, action);
}

function reject() {
  const { hit } = S;
  if (!hit || hit.status !== "open") return undefined;
  const action = { do: "reject", clip: hit.clip, frame: hit.frame, xyxy: hit.xyxy, name: S.active };
  return decided(hit, nextHit(hit), action);
}

function decided(hit, next, action) {
  hit.status = action.do === "add" ? "accepted" : "rejected";
  if (next) chooseHit(next);
  else S.hit = null;
  shown();
  return steps.do("act", { actions: [action] });
}

const openHits = () => {
  const { best, unsure } = sorted(S.hits, threshold());
  return [...best, ...unsure];
};

function nextHit(hit, by = 1) {
  const open = openHits(), at = open.findIndex((each) => each.key === hit?.key);
  return at < 0 ? open[0] : open[at + by] ?? (by > 0 ? open[at - 1] : undefined);
}

function chooseHit(hit) {
  stop();
  S.hit = hit;
  if (hit.clip !== S.clip || hit.frame !== S.frame) goTo(hit.frame, { clipName: hit.clip });
  S.selected = null;
  shown();
  S.reveal = true;
}

function removeSelected() {
  const box = selectedBox();
  S.selected = null;
  if (box) steps.do("act", { actions: [{ do: "remove", id: box.id }] });
  else shown();
}

// The slider is one step when it rests, however many keys or movements led there.
let unsent = null;

function restThreshold(value) {
  S.threshold = value;
  clearTimeout(unsent);
  unsent = setTimeout(flushThreshold, THRESHOLD_REST_MS);
  shown();
}

function flushThreshold() {
  clearTimeout(unsent);
  if (unsent !== null && S.threshold !== null) sendThreshold(S.threshold);
  unsent = null;
}

function sendThreshold(value) {
  if (!known()) return;
  steps.do("act", { actions: [{ do: "threshold", name: S.active, value }] }).then(() => {
    if (unsent === null) S.threshold = null;
    shown();
  });
}

function nudge(key, resize) {
  const box = selectedBox()?.xyxy ?? S.selected?.pending;
  if (!box) return;
  const dx = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0, dy = { ArrowUp: -1, ArrowDown: 1 }[key] ?? 0;
  changed(resize ? [box[0], box[1], box[2] + dx, box[3] + dy] : [box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy]);
}

function cycleProposal(by) {
  const list = S.look.proposals.filter((each) => each.score >= 0.15);
  if (!list.length) return;
  const at = list.indexOf(canvas.hover?.proposal);
  canvas.hovered({ kind: "proposal", proposal: list[(at + by + list.length) % list.length] });
  $("frame-text").textContent = `proposal: ${canvas.hover.proposal.name}`;
}

function toMark(by) {
  const marks = [...S.hits.filter((hit) => hit.score >= threshold() && hit.status !== "rejected"), ...S.page.boxes]
    .filter((each) => each.clip === S.clip).map((each) => each.frame).sort((a, b) => a - b);
  const next = by > 0 ? marks.find((frame) => frame > S.frame) : marks.findLast((frame) => frame < S.frame);
  if (next !== undefined) goTo(next);
}

function classChanged() {
  const what = $("class-dialog").returnValue, name = S.active, to = $("new-name").value.trim();
  if (what === "remove") steps.do("act", { actions: [{ do: "remove_class", name }] });
  if (what === "rename" && to && to !== name) {
    steps.do("act", { actions: [{ do: "rename_class", name, to }] }).then((done) => { if (done) setActive(to); });
  }
}

const exported = () => [...document.querySelectorAll(".export input:checked")].map((box) => box.value);
const actions = {
  play,
  step: (by, second) => { stop(); goTo(S.frame + by * (second ? Math.round(clip().fps * SECOND) : 1)); },
  edge: (end) => goTo(end ? clip().frames - 1 : 0),
  choose: (at) => { if (names()[at]) setActive(names()[at]); shown(); },
  proposal: cycleProposal,
  take: () => { if (canvas.hover?.proposal && !S.selected) take(canvas.hover.proposal.xyxy, "proposed"); else $("name").select(); },
  draw: () => {
    const [w, h] = canvas.size;
    take([w * 0.45, h * 0.45, w * 0.55, h * 0.55], "drawn");
  },
  box: () => {
    const list = boxesHere(), at = list.findIndex((box) => box.id === S.selected?.id);
    if (list.length) clicked({ kind: "box", id: list[(at + 1) % list.length].id });
  },
  remove: removeSelected,
  changeClass: () => {
    if (!known()?.mine) return;
    $("new-name").value = S.active;
    $("class-dialog").returnValue = "";
    $("class-dialog").showModal();
  },
  follow: () => { if (selectedBox()) steps.do("follow", { id: selectedBox().id }); },
  name: () => $("name").select(),
  accept: () => acceptAs(S.active),
  reject,
  hit: (by) => { const next = nextHit(S.hit, by); if (next) chooseHit(next); },
  threshold: (by) => { if (known()?.threshold != null) restThreshold(Math.min(Math.max(threshold() + by, Number($("threshold").min)), 1)); },
  mark: toMark,
  undo: () => { flushThreshold(); steps.do("undo"); },
  redo: () => { flushThreshold(); steps.do("redo"); },
  export: () => steps.do("export", { what: exported() }),
  release: () => { stop(); S.selected = null; canvas.hover = null; banner(""); shown(); },
  nudge,
  help: () => $("keys").showModal(),
};

// Before the server has begun, frames can be looked through, and nothing else.
for (const [name, action] of Object.entries(actions)) {
  if (["play", "step", "edge", "help"].includes(name)) continue;
  actions[name] = (...rest) => (S.page ? action(...rest) : undefined);
}

// ---- what is shown ----

function applyPage(page, force = false) {
  if (S.page && page.stamp < S.page.stamp && page.revision < S.page.revision && !force) return;
  const before = S.page;
  S.page = page;
  if (S.lost) banner(S.lost = "");
  if (!S.active && page.classes.length && !typed()) setActive(page.classes[0].name);
  if (S.active && !known() && before?.classes.some((each) => each.name === S.active)) setActive(page.classes[0]?.name ?? "");
  if (page.hits_stamp !== S.hitsAsked) {
    S.hitsAsked = page.hits_stamp;
    loadHits();
  }
  if (before && before.hits_stamp !== page.hits_stamp) lookAgain();
  shown();
}

async function loadHits() {
  const name = S.active;
  if (!name) return;
  try {
    const { stamp, hits } = await getJson(`hits?class=${encodeURIComponent(name)}`);
    if (name !== S.active || stamp < S.hitsStamp) return;
    S.hits = hits;
    S.hitsStamp = stamp;
    S.hit = (S.hit && hits.find((each) => each.key === S.hit.key && each.status === "open")) ?? openHits()[0] ?? null;
    shown();
  } catch (error) {
    S.hitsAsked = 0;
    told(error);
  }
}

function told(error) {
  const offline = error instanceof TypeError;
  banner(offline ? "The server does not answer. If it was ended, start `drivemeta teach` again: this page goes on by itself, and nothing that was shown as saved is lost." : error.message);
  if (offline) {
    S.lost = true;
    shown();
  }
}

function banner(words) {
  $("banner").textContent = words;
  $("banner").hidden = !words;
}

let drawing = 0;
function shown() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    if (S.page && S.clip) render();
  });
}

function render() {
  const { page } = S;
  showStatus(page);
  $("undo").disabled = !page.can_undo;
  $("redo").disabled = !page.can_redo;
  fillClasses($("classes"), page.classes, S.active, colour, (name) => { setActive(name); shown(); });
  $("change-class").hidden = !known()?.mine;
  showSelection();
  showHits();
  fillReport($("report"), page.learning, S.active, page.boxes.length);
  fillExported($("exported"), page.exported, S.project);
  $("export").disabled = page.exported.phase === "running" || !page.boxes.length;
  showTime();
  canvas.draw();
  const mine = S.hits.filter((hit) => hit.clip === S.clip && (hit.score >= threshold() || hit.status === "rejected"));
  drawTimeline($("timeline"), S.line, {
    n: clip().frames, frame: S.frame, hits: mine, boxes: page.boxes.filter((box) => box.clip === S.clip),
    stretches: page.index[S.clip].stretches, colour, name: S.active,
  });
}

function showStatus({ learning, index }) {
  const done = Object.values(index).reduce((sum, each) => sum + each.done, 0);
  const all = Object.values(index).reduce((sum, each) => sum + each.of, 0);
  const busy = ["waiting", "learning", "judging"].includes(learning.phase);
  const words = [];
  if (S.lost) words.push("not connected");
  else if (busy) words.push(learning.phase === "judging" ? "judging what was learnt" : "learning");
  else if (learning.phase === "ready") words.push(`saved, learnt in ${learning.seconds} s`);
  else if (learning.phase === "failed") words.push("saved, but not learnt: see What was learnt");
  else words.push("saved");
  if (S.page.index_problem) words.push(S.page.index_problem);
  else if (done < all && !S.lost) words.push(`looked at ${done} of ${all} frames`);
  const text = words.join(" · ");
  say($("status"), text);
  $("status").title = text;
  $("status").classList.toggle("busy", !S.lost && (busy || done < all));
}

function showTime() {
  if (!clip()) return;
  const words = `frame ${S.frame + 1} of ${clip().frames} · ${S.time.toFixed(2)} s`;
  say($("time"), words);
  $("seek").setAttribute("aria-valuetext", words);
}

function showSelection() {
  const box = selectedBox(), here = boxesHere();
  const words = S.selected?.pending ? "Type its name and press Enter. Esc lets it go."
    : box ? "Selected: drag to move or resize, type another name, Delete removes it." : "";
  say($("selection"), words);
  $("follow").hidden = !box;
  say($("hint"), S.selected?.pending ? "Name it: type, then Enter"
    : !S.page.boxes.length && !S.playing ? "Click an object to teach it, or draw a box round it" : "");
  say($("frame-text"), `${times(here.length, "box", "boxes")}${here.length ? `: ${here.map((each) => each.name).join(", ")}` : ""}; ${times(S.look.proposals.length, "proposal")}`);
}

function showHits() {
  const own = known(), value = threshold(), { best, unsure } = sorted(S.hits, value);
  const shownHits = S.hits.filter((hit) => hit.score >= value && hit.status !== "rejected");
  const frames = new Set(shownHits.map((hit) => `${hit.clip}/${hit.frame}`)).size;
  const describe = (hit) => `${S.active} ${hit.score.toFixed(2)}, ${hit.clip}, frame ${hit.frame + 1}`;
  if (!S.hit || S.hit.status !== "open") S.hit = best[0] ?? unsure[0] ?? null;
  lists[0].fill(best, S.hit?.key, describe);
  lists[1].fill(unsure, S.hit?.key, describe);
  if (S.reveal) requestAnimationFrame(reveal);
  S.reveal = false;
  $("unsure-part").hidden = !unsure.length;
  say($("hits-title"), own ? `Hits of ${own.name}` : "Hits");
  const left = best.length + unsure.length;
  say($("hits-count"), own && left ? `${left} to decide, best first` : "");
  say($("hits-empty"), left ? "" : emptyWords(own));
  $("hits-empty").hidden = left > 0;
  $("accept").disabled = $("reject").disabled = !S.hit;
  const ready = own?.threshold != null;
  $("threshold").disabled = !ready;
  if (document.activeElement !== $("threshold") || S.threshold === null) $("threshold").value = value;
  say($("threshold-value"), ready ? value.toFixed(2) : "");
  say($("counts"), ready ? `${times(shownHits.length, "hit")} in ${times(frames, "frame")} at this threshold`
    : own ? "set as soon as the class is learnt" : "How sure a hit must be. Name an object first.");
  $("as-learnt").hidden = !ready || own.learnt === null || Math.abs(own.learnt - own.threshold) < 0.005;
}

function reveal() {
  const pressed = lists.map((list) => list.pressed).find(Boolean);
  pressed?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function emptyWords(own) {
  const { learning, index } = S.page;
  if (!own) return "Hits appear here as soon as you name an object: one picture for each place in the clips that looks like it.";
  if (learning.phase === "failed") return "It could not be learnt: see What was learnt.";
  if (["waiting", "learning"].includes(learning.phase)) return "Being learnt …";
  if (Object.values(index).some((each) => each.done < each.of)) return "None yet: the clips are still being looked at.";
  if (S.hits.some((hit) => hit.status !== "open")) return "All decided. Lower the threshold to see less likely ones, or go on to another class.";
  return "None found. Lower the threshold, or show another view of the object.";
}

// ---- start ----

function wire() {
  $("clip").addEventListener("change", () => goTo(0, { clipName: $("clip").value }));
  $("seek").addEventListener("input", () => { stop(); goTo(Number($("seek").value), { rest: REST_MS }); });
  $("timeline").addEventListener("pointerdown", (event) => {
    stop();
    $("timeline").setPointerCapture(event.pointerId);
    goTo(frameAt($("timeline"), event, clip().frames), { rest: REST_MS });
  });
  $("timeline").addEventListener("pointermove", (event) => {
    if (event.buttons) goTo(frameAt($("timeline"), event, clip().frames), { rest: REST_MS });
  });
  $("name").addEventListener("keydown", (event) => {
    if (event.key === "Enter") nameGiven();
    if (event.key === "Escape") {
      if (S.selected?.pending) S.selected = null;
      $("name").value = S.active;
      $("frame").focus();
      shown();
    }
  });
  $("threshold").addEventListener("input", () => restThreshold(Number($("threshold").value)));
  $("change-class").addEventListener("click", actions.changeClass);
  $("class-dialog").addEventListener("close", classChanged);
  $("as-learnt").addEventListener("click", () => sendThreshold(null));
  for (const name of ["play", "undo", "redo", "accept", "reject", "export", "help", "follow"]) $(name).addEventListener("click", () => actions[name]());
  sized($("timeline"), (size) => { S.line = size; shown(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", shown);
  fillSheet($("keys-rows"));
  listen(actions);
}

async function start() {
  const { clips, project } = await getJson("clips");
  Object.assign(S, { clips, project });
  document.title = `${project.split(/[\\/]/).pop()} · DriveMeta teach`;
  $("clip").replaceChildren(...clips.map((each) => new Option(each.name)));
  wire();
  const [, name, frame] = decodeURIComponent(location.hash).match(/^#(.+)\/(\d+)$/) ?? [];
  const moved = Number($("seek").value); // by a key that came before this script
  goTo(moved || Number(frame ?? 0), { clipName: clips.some((each) => each.name === name) ? name : clips[0].name });
  $("status").textContent = "opening: the first proposals come in a moment";
  $("status").classList.add("busy");
  applyPage(await getJson("state?seen=0"));
  follow(() => S.page.stamp, applyPage, told);
}

start().catch(told);
