// The whole clip in one line: where it was looked at, where hits are, what is annotated. It is dark
// whatever the page is, as the colours of classes are made for pictures of roads.

import { cleared } from "./canvas.js";

const LOOKED = "#4a5761", REJECTED = "#a7b2bb", CURSOR = "#eef1f3";

export function drawTimeline(canvas, [width, height], { n, frame, hits, boxes, stretches, colour, name }) {
  const pen = cleared(canvas, [width, height]);
  const x = (number) => 4 + ((width - 8) * number) / Math.max(n - 1, 1);
  pen.fillStyle = LOOKED;
  for (const [first, last] of stretches) pen.fillRect(x(first), height - 6, Math.max(x(last) - x(first), 2), 3);
  for (const hit of hits) {
    pen.globalAlpha = hit.status === "rejected" ? 0.3 : 1;
    pen.fillStyle = hit.status === "rejected" ? REJECTED : colour(name);
    const tall = 6 + (height - 18) * hit.score;
    pen.fillRect(x(hit.frame) - 1.25, height - 8 - tall, 2.5, tall);
  }
  pen.globalAlpha = 1;
  for (const box of boxes) {
    pen.fillStyle = colour(box.name);
    pen.strokeStyle = CURSOR;
    pen.beginPath();
    pen.arc(x(box.frame), 6, 4, 0, 7);
    pen.fill();
    pen.stroke();
  }
  pen.fillStyle = CURSOR;
  pen.fillRect(x(frame) - 0.75, 0, 1.5, height);
  const open = hits.filter((hit) => hit.status !== "rejected").length;
  const words = name ? `Timeline: ${open} marks of ${name}, ${boxes.length} boxes` : "Timeline: no marks yet";
  if (canvas.getAttribute("aria-label") !== words) canvas.setAttribute("aria-label", words);
  canvas.dataset.marks = open;
}

export function frameAt(canvas, event, n) {
  const rect = canvas.getBoundingClientRect();
  const part = (event.clientX - rect.left - 4) / (rect.width - 8);
  return Math.min(Math.max(Math.round(part * (n - 1)), 0), n - 1);
}
