// Every key and what it does; the sheet shows the same table.

export const KEYS = [
  ["Space", "play or stop"],
  ["← →", "one frame back or on; with Shift, a second"],
  ["Home End", "first or last frame"],
  ["P", "next proposal in the frame; with Shift, the one before"],
  ["Enter", "take the proposal, or name what is selected"],
  ["D", "draw a box in the middle"],
  ["B", "select the next box of the frame"],
  ["Alt ← → ↑ ↓", "move the selected box; with Shift, resize it"],
  ["F", "follow the selected box through the clip"],
  ["Delete", "remove the selected box"],
  ["N", "to the class name (Enter gives it, Esc goes back)"],
  ["1 … 9", "choose a class"],
  ["C", "rename or remove the class"],
  ["J K", "next or previous hit"],
  ["A", "accept the hit"],
  ["R", "reject the hit"],
  ["− +", "lower or raise the threshold"],
  ["[ ]", "previous or next mark on the timeline"],
  ["Ctrl Z, Ctrl Y", "undo, redo"],
  ["E", "export"],
  ["Esc", "let go of what is selected"],
  ["?", "this sheet"],
];

export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    const target = event.target, kind = target.tagName;
    if (document.querySelector("dialog[open]")) return;
    const command = event.ctrlKey || event.metaKey;
    const writing = kind === "INPUT" && target.type === "text";
    if (command && event.key.toLowerCase() === "z" && !writing) return run(event, event.shiftKey ? "redo" : "undo");
    if (command && event.key.toLowerCase() === "y" && !writing) return run(event, "redo");
    if (command || writing) return undefined;
    if (event.altKey && event.key.startsWith("Arrow")) return run(event, "nudge", event.key, event.shiftKey);
    if (event.altKey) return undefined;
    const moves = event.key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(event.key);
    if (moves && (kind === "SELECT" || (kind === "INPUT" && target.type === "range"))) return undefined;
    if (["Enter", " "].includes(event.key) && ["BUTTON", "A", "SELECT", "INPUT"].includes(kind) && target.type !== "range") return undefined;
    if (kind === "SELECT") return undefined;
    const found = named(event);
    return found ? run(event, ...found) : undefined;
  });

  function run(event, name, ...rest) {
    event.preventDefault();
    actions[name](...rest);
  }

  function named(event) {
    const { key } = event, small = key.toLowerCase();
    if (key === " ") return ["play"];
    if (key === "ArrowLeft" || key === "ArrowRight") return ["step", key === "ArrowLeft" ? -1 : 1, event.shiftKey];
    if (key === "Home" || key === "End") return ["edge", key === "End"];
    if (/^[1-9]$/.test(key)) return ["choose", Number(key) - 1];
    if (small === "p") return ["proposal", event.shiftKey ? -1 : 1];
    const plain = {
      enter: "take", d: "draw", b: "box", delete: "remove", backspace: "remove", n: "name",
      a: "accept", r: "reject", e: "export", f: "follow", c: "changeClass", escape: "release", "?": "help",
    };
    if (plain[small]) return [plain[small]];
    const stepped = {
      j: ["hit", 1], k: ["hit", -1], "-": ["threshold", -0.02], "+": ["threshold", 0.02],
      "=": ["threshold", 0.02], "[": ["mark", -1], "]": ["mark", 1],
    };
    return stepped[small];
  }
}

export function fillSheet(rows) {
  for (const [keys, words] of KEYS) {
    const row = document.createElement("tr"), left = document.createElement("td");
    const key = document.createElement("kbd"), right = document.createElement("td");
    key.textContent = keys;
    right.textContent = words;
    left.append(key);
    row.append(left, right);
    rows.append(row);
  }
}
