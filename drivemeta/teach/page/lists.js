// Classes, hits, report and exports as elements; names are always text, never markup.

import { cropUrl } from "./api.js";

const RETRY_MS = 2000; // of a picture that did not come
const AT_ONCE = 16; // hits: about what is seen without scrolling
const IN_A_SLICE = 8, LATEST_MS = 200, LEAST_LEFT_MS = 4;
const whenIdle = window.requestIdleCallback
  ?? ((work) => setTimeout(() => work({ timeRemaining: () => 0 }), 1)); // Safari

export function element(kind, words = "", attributes = {}) {
  const made = document.createElement(kind);
  if (words) made.textContent = words;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// What is written again stays as it is, so that the browser has nothing to lay out.
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function set(element, attribute, value) {
  if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
}

const filledWith = new WeakMap();

// Whether an element was filled with something else the last time.
function isNews(element, ...what) {
  const now = JSON.stringify(what);
  if (filledWith.get(element) === now) return false;
  filledWith.set(element, now);
  return true;
}

export const times = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export function fillClasses(list, classes, active, colour, choose) {
  if (!isNews(list, classes.map((each) => [each.name, each.boxes, each.rejected, each.colour]), active)) return;
  const items = classes.map((each) => {
    const button = element("button", "", { type: "button", "aria-pressed": String(each.name === active) });
    const dot = element("span", "", { class: "dot" });
    dot.style.background = colour(each.name);
    const said = times(each.boxes, "box", "boxes") + (each.rejected ? `, ${each.rejected} rejected` : "");
    button.append(dot, element("span", each.name), element("span", String(each.boxes), { class: "quiet", "aria-hidden": "true" }));
    button.title = said;
    button.setAttribute("aria-label", `${each.name}, ${said}`);
    button.addEventListener("click", () => choose(each.name));
    const item = element("li");
    item.append(button);
    return item;
  });
  list.replaceChildren(...items);
}

// Splits open hits into those that are surely of the class, best first, and the least certain.
export function sorted(hits, threshold, { mostUnsure = 8, margin = 0.12 } = {}) {
  const open = hits.filter((hit) => hit.status === "open");
  const distance = (hit) => Math.abs(hit.score - threshold);
  const unsure = open.filter((hit) => distance(hit) < margin)
    .sort((a, b) => distance(a) - distance(b)).slice(0, mostUnsure);
  const best = open.filter((hit) => hit.score >= threshold && !unsure.includes(hit));
  return { best, unsure };
}

export class HitList {
  // Keeps the element of a hit as long as the hit is there, so that its picture does not blink.
  // Those that are seen are there at once, the rest as soon as the browser has time.
  #items = new Map();
  #turn = 0;

  constructor(list, choose) {
    Object.assign(this, { list, choose, selected: null });
  }

  get pressed() {
    return this.#items.get(this.selected);
  }

  fill(hits, selected, describe, most = 120) {
    const shown = hits.slice(0, most), keys = new Set(shown.map((hit) => hit.key));
    for (const [key, item] of this.#items) {
      if (keys.has(key)) continue;
      item.remove();
      this.#items.delete(key);
    }
    this.#press(selected);
    const turn = ++this.#turn, work = this.#placing(shown, describe);
    for (let n = 0; n < AT_ONCE; n += 1) work.next();
    const slice = (deadline) => {
      if (turn !== this.#turn) return;
      do {
        for (let n = 0; n < IN_A_SLICE; n += 1) if (work.next().done) return;
      } while (deadline.timeRemaining() > LEAST_LEFT_MS);
      whenIdle(slice, { timeout: LATEST_MS });
    };
    if (shown.length > AT_ONCE) whenIdle(slice, { timeout: LATEST_MS });
  }

  // Puts one hit after the other at its place.
  * #placing(hits, describe) {
    let next = this.list.firstChild;
    for (const hit of hits) {
      const item = this.#items.get(hit.key) ?? this.#made(hit), button = item.firstChild;
      set(button, "aria-label", describe(hit));
      say(button.lastChild, hit.score.toFixed(2));
      button.hit = hit;
      if (item === next) next = next.nextSibling;
      else this.list.insertBefore(item, next);
      yield;
    }
  }

  #press(selected) {
    if (selected === this.selected) return;
    this.pressed?.firstChild.setAttribute("aria-pressed", "false");
    this.selected = selected;
    this.pressed?.firstChild.setAttribute("aria-pressed", "true");
  }

  #made(hit) {
    const item = element("li");
    const button = element("button", "", { type: "button", "aria-pressed": String(hit.key === this.selected) });
    const image = element("img", "", { alt: "", loading: "lazy", decoding: "async", src: cropUrl(hit) });
    image.addEventListener("load", () => image.classList.remove("lost"));
    image.addEventListener("error", () => {
      image.classList.add("lost");
      setTimeout(() => { if (image.isConnected) image.src = cropUrl(button.hit); }, RETRY_MS);
    });
    button.append(image, element("small"));
    button.addEventListener("click", () => this.choose(button.hit));
    item.append(button);
    this.#items.set(hit.key, item);
    return item;
  }
}

const GRADES = { good: ["good", "good"], doubtful: ["doubtful", "doubtful"], "do not use": ["bad", "do not use"] };

export function fillReport(root, learning, active, nBoxes) {
  if (!isNews(root, learning.phase === "failed", learning.problem, learning.report, active, nBoxes > 0)) return;
  const parts = [];
  if (learning.phase === "failed") {
    parts.push(element("p", learning.problem, { class: "problem", role: "alert" }));
    parts.push(element("p", "Undo the last step, or change the box it names; it is learnt again at once."));
  } else if (!nBoxes) {
    parts.push(element("p", "Nothing yet. Stop where something should be found, click it (or draw a box round it), and type its name. Every frame that shows it is then marked."));
  } else if (!learning.report) {
    parts.push(element("p", "Being learnt …"));
  }
  const { report } = learning;
  if (report && nBoxes) {
    const own = report.classes.filter((each) => each.name === active);
    for (const each of own.length ? own : report.classes) {
      const [style, words] = GRADES[each.grade];
      const line = element("p");
      line.append(element("strong", `${each.name}: ${words}`, { class: style }), `${each.verdict.slice(each.grade.length)}.`);
      parts.push(line);
      parts.push(element("p", `It is ${each.reason}.`, { class: "quiet" }));
    }
    const look = [...report.to_look_at, ...report.notes];
    if (look.length) {
      const list = element("ul");
      for (const line of look.slice(0, 12)) list.append(element("li", `${line}.`));
      if (look.length > 12) list.append(element("li", `and ${look.length - 12} more`));
      parts.push(element("h3", "To look at"), list);
    }
  }
  root.replaceChildren(...parts);
}

export function fillExported(root, exported, project) {
  if (!isNews(root, exported)) return;
  const parts = [];
  if (exported.phase === "running") parts.push(element("p", `${exported.words} …`, { class: "quiet" }));
  if (exported.phase === "failed") parts.push(element("p", exported.words, { class: "problem", role: "alert" }));
  if (exported.phase === "done") {
    const list = element("ul");
    exported.files.forEach((path, number) => {
      const item = element("li"), link = element("a", path.replace(`${project}/`, ""), { href: `api/exported/${number}`, download: "", title: path });
      item.append(link);
      list.append(item);
    });
    parts.push(element("p", "Written, and the model verified:"), list);
    if (!exported.files.some((path) => path.endsWith(".onnx"))) parts[0].textContent = "Written:";
  }
  root.replaceChildren(...parts);
}
