// The frame and its boxes: drawn and dragged here, so that no movement of the mouse waits.

const HANDLE = 7, DRAG = 4, LEAST = 3, SHOWN = 0.25;

export const inside = (box, x, y) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3];
const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
export function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const both = Math.max(width, 0) * Math.max(height, 0);
  return both / (area(a) + area(b) - both || 1);
}
// Returns the pen of a canvas of a size in pixels of the page, on which nothing is drawn.
export function cleared(canvas, [width, height]) {
  const ratio = devicePixelRatio || 1;
  const own = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  if (canvas.width !== own.width || canvas.height !== own.height) Object.assign(canvas, own);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// Calls with the size of an element now and whenever it changes; asking at each drawing would make
// the browser lay out the page in the middle of it.
export function sized(element, changed) {
  changed([element.clientWidth, element.clientHeight]);
  new ResizeObserver(([{ contentRect: { width, height } }]) => changed([width, height])).observe(element);
}

const ordered = ([a, b, c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];

export class FrameCanvas {
  // `scene()` gives { boxes, proposals, found, selected, pending, colour }; `on` hears what is done.
  constructor(canvas, scene, on) {
    Object.assign(this, { canvas, scene, on, image: null, size: [1, 1], hover: null, drag: null });
    this.exact = false;
    sized(canvas, (shown) => {
      this.shown = shown;
      this.letters = Math.max(12, parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.8);
      this.draw();
    });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => this.stop());
    canvas.addEventListener("pointerleave", () => this.hovered(null));
  }

  show(image, size, exact) {
    this.image?.close?.();
    Object.assign(this, { image, size, exact });
    this.draw();
  }

  fit() {
    const [width, height] = this.shown;
    const scale = Math.min(width / this.size[0], height / this.size[1]);
    return { scale, x: (width - this.size[0] * scale) / 2, y: (height - this.size[1] * scale) / 2 };
  }

  at(event) {
    const { scale, x, y } = this.fit(), rect = this.canvas.getBoundingClientRect();
    const clip = (value, most) => Math.min(Math.max(value, 0), most);
    return [
      clip((event.clientX - rect.left - x) / scale, this.size[0]),
      clip((event.clientY - rect.top - y) / scale, this.size[1]),
    ];
  }

  // Which part of the selected box a point holds: a corner or side as [dx, dy], "move", or null.
  grip([x, y]) {
    const box = this.drag?.box ?? this.scene().selectedBox;
    if (!box) return null;
    const near = HANDLE / this.fit().scale;
    if (!inside([box[0] - near, box[1] - near, box[2] + near, box[3] + near], x, y)) return null;
    const side = (value, low, high) =>
      Math.abs(value - low) <= near ? -1 : Math.abs(value - high) <= near ? 1 : 0;
    const grip = [side(x, box[0], box[2]), side(y, box[1], box[3])];
    return grip[0] || grip[1] ? grip : "move";
  }

  // The smallest box, or else the likeliest proposal, that holds a point.
  under([x, y]) {
    const { boxes, proposals } = this.scene();
    const here = (list) => list.filter((each) => inside(each.xyxy, x, y));
    const [box] = here(boxes).sort((a, b) => area(a.xyxy) - area(b.xyxy));
    if (box) return { kind: "box", id: box.id };
    // The likeliest, but a small one before a large one behind it.
    const worth = (each) => each.score / area(each.xyxy) ** 0.25;
    const [likely] = here(proposals).sort((a, b) => worth(b) - worth(a));
    return likely ? { kind: "proposal", proposal: likely } : null;
  }

  down(event) {
    if (event.button !== 0 || !this.exact) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const from = this.at(event), grip = this.grip(from);
    const start = this.scene().selectedBox;
    this.drag = { from, grip, start, box: null, x: event.clientX, y: event.clientY, on: false };
  }

  move(event) {
    const point = this.at(event);
    if (!this.drag) {
      this.hovered(this.under(point));
      const grip = this.grip(point);
      const turn = Array.isArray(grip) ? grip[0] * grip[1] : null;
      const cursors = { "1": "nwse-resize", "-1": "nesw-resize" };
      this.canvas.style.cursor = grip === "move" ? "move"
        : turn === null ? (this.hover ? "pointer" : "crosshair")
        : cursors[turn] ?? (grip[0] ? "ew-resize" : "ns-resize");
      return;
    }
    const { drag } = this;
    drag.on ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > DRAG;
    if (drag.on) {
      drag.box = this.dragged(drag, point);
      this.draw();
    }
  }

  dragged({ from, grip, start }, [x, y]) {
    const [width, height] = this.size;
    if (grip === null) return ordered([...from, x, y]);
    if (grip === "move") {
      const dx = Math.min(Math.max(x - from[0], -start[0]), width - start[2]);
      const dy = Math.min(Math.max(y - from[1], -start[1]), height - start[3]);
      return [start[0] + dx, start[1] + dy, start[2] + dx, start[3] + dy];
    }
    const box = [...start];
    if (grip[0]) box[grip[0] < 0 ? 0 : 2] = x;
    if (grip[1]) box[grip[1] < 0 ? 1 : 3] = y;
    return ordered(box);
  }

  up(event) {
    const { drag } = this;
    if (!drag) return;
    this.drag = null;
    this.hover = null;
    if (!drag.on) this.on.clicked(this.under(this.at(event)));
    else if (drag.box[2] - drag.box[0] >= LEAST && drag.box[3] - drag.box[1] >= LEAST) {
      if (drag.grip === null) this.on.drawn(drag.box);
      else this.on.changed(drag.box);
    }
    this.draw();
  }

  stop() {
    this.drag = null;
    this.draw();
  }

  hovered(what) {
    const same = JSON.stringify(what) === JSON.stringify(this.hover);
    this.hover = what;
    if (!same) this.draw();
  }

  draw() {
    const pen = cleared(this.canvas, this.shown);
    const { scale, x, y } = this.fit();
    if (this.image) pen.drawImage(this.image, x, y, this.size[0] * scale, this.size[1] * scale);
    if (!this.exact) return;
    const placed = (box) =>
      [x + box[0] * scale, y + box[1] * scale, (box[2] - box[0]) * scale, (box[3] - box[1]) * scale];
    this.boxes(pen, placed);
  }

  boxes(pen, placed) {
    const scene = this.scene(), hover = this.hover;
    pen.font = `600 ${this.letters}px system-ui, sans-serif`;
    for (const each of scene.proposals) {
      if (each.score < SHOWN) continue;
      outline(pen, placed(each.xyxy), "rgb(255 255 255 / 80%)", 1, [4, 4]);
    }
    for (const each of scene.found) {
      outline(pen, placed(each.xyxy), scene.colour(each.name), 1.5, [7, 4]);
      label(pen, placed(each.xyxy), `${each.name} ${each.score.toFixed(2)}`, scene.colour(each.name));
    }
    for (const each of scene.boxes) {
      if (each.id === scene.selectedId) continue;
      outline(pen, placed(each.xyxy), scene.colour(each.name), 2.5);
      label(pen, placed(each.xyxy), each.name, scene.colour(each.name));
    }
    if (hover?.kind === "proposal" && !this.drag) {
      outline(pen, placed(hover.proposal.xyxy), "#fff", 2.5);
      label(pen, placed(hover.proposal.xyxy), `${hover.proposal.name}: click to take`, "#fff");
    }
    if (scene.hit) outline(pen, grown(placed(scene.hit.xyxy), 3), "#ffd479", 2.5);
    const box = this.drag?.box ?? scene.selectedBox;
    if (box) {
      outline(pen, placed(box), scene.selectedColour, 3);
      for (const [hx, hy] of corners(placed(box))) handle(pen, hx, hy);
      if (scene.selectedName) label(pen, placed(box), scene.selectedName, scene.selectedColour);
    }
  }
}

const grown = ([x, y, w, h], by) => [x - by, y - by, w + 2 * by, h + 2 * by];
const corners = ([x, y, w, h]) => [[x, y], [x + w, y], [x, y + h], [x + w, y + h]];

function outline(pen, [x, y, w, h], colour, width, dashes = []) {
  pen.setLineDash([]);
  pen.strokeStyle = "rgb(0 0 0 / 60%)";
  pen.lineWidth = width + 2;
  if (dashes.length) {
    pen.strokeStyle = "rgb(0 0 0 / 40%)"; // a white line is lost on the sky
    pen.lineWidth = width + 1;
  }
  pen.strokeRect(x, y, w, h);
  pen.setLineDash(dashes);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.strokeRect(x, y, w, h);
  pen.setLineDash([]);
}

function label(pen, [x, y, , h], words, colour) {
  const short = words.length > 40 ? `${words.slice(0, 39)}…` : words;
  const size = parseFloat(pen.font.match(/([\d.]+)px/)[1]);
  const width = pen.measureText(short).width + 8, tall = size + 6;
  x = Math.max(Math.min(x, pen.canvas.width / (devicePixelRatio || 1) - width), 1);
  const top = y - tall - 2 >= 0 ? y - tall - 2 : y + h + 2;
  pen.fillStyle = "rgb(0 0 0 / 78%)";
  pen.fillRect(x - 1, top, width, tall);
  pen.fillStyle = colour;
  pen.fillText(short, x + 3, top + size + 1);
}

function handle(pen, x, y) {
  pen.fillStyle = "#fff";
  pen.strokeStyle = "#000";
  pen.lineWidth = 1;
  pen.fillRect(x - 3.5, y - 3.5, 7, 7);
  pen.strokeRect(x - 3.5, y - 3.5, 7, 7);
}
