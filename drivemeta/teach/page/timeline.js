// The whole clip in one line: where it was looked at, where hits are, what is annotated.

export function drawTimeline(canvas, { n, frame, hits, boxes, stretches, colour, name }) {
  const ratio = devicePixelRatio || 1, css = getComputedStyle(document.documentElement);
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const x = (number) => 4 + ((width - 8) * number) / Math.max(n - 1, 1);
  pen.fillStyle = css.getPropertyValue("--line");
  for (const [first, last] of stretches) pen.fillRect(x(first), height - 6, Math.max(x(last) - x(first), 2), 3);
  for (const hit of hits) {
    pen.globalAlpha = hit.status === "rejected" ? 0.3 : 1;
    pen.fillStyle = hit.status === "rejected" ? css.getPropertyValue("--quiet") : colour(name);
    const tall = 6 + (height - 18) * hit.score;
    pen.fillRect(x(hit.frame) - 1.25, height - 8 - tall, 2.5, tall);
  }
  pen.globalAlpha = 1;
  for (const box of boxes) {
    pen.fillStyle = colour(box.name);
    pen.strokeStyle = css.getPropertyValue("--ink");
    pen.beginPath();
    pen.arc(x(box.frame), 6, 4, 0, 7);
    pen.fill();
    pen.stroke();
  }
  pen.fillStyle = css.getPropertyValue("--ink");
  pen.fillRect(x(frame) - 0.75, 0, 1.5, height);
  const open = hits.filter((hit) => hit.status !== "rejected").length;
  const words = name ? `Timeline: ${open} marks of ${name}, ${boxes.length} boxes` : "Timeline: no marks yet";
  canvas.setAttribute("aria-label", words);
  canvas.dataset.marks = open;
}

export function frameAt(canvas, event, n) {
  const rect = canvas.getBoundingClientRect();
  const part = (event.clientX - rect.left - 4) / (rect.width - 8);
  return Math.min(Math.max(Math.round(part * (n - 1)), 0), n - 1);
}
