// Detects in images with a model of DriveMeta: node client.mjs IMAGE.ppm...
// Needs onnxruntime-node only: npm install --ignore-scripts (without the flag it fetches CUDA
// libraries as well, which the CPU does not need). Images are binary PPM (P6), which ffmpeg and
// ImageMagick write: ffmpeg -i frame.jpg frame.ppm. Prints one JSON line for each image.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// ONNX Runtime's own builds report to their maker unless this is set before they are loaded.
process.env.ORT_DISABLE_TELEMETRY ??= "1";
const { default: ort } = await import("onnxruntime-node");

const here = dirname(fileURLToPath(import.meta.url));

/** Read a PPM as { height, width, data }, data in uint8 BGR, row by row. */
function readPpm(path) {
  const file = readFileSync(path);
  const head = /^P6\s+(?:#.*\s+)*(\d+)\s+(?:#.*\s+)*(\d+)\s+(?:#.*\s+)*(\d+)\s/.exec(
    file.subarray(0, 512).toString("latin1"),
  );
  if (!head || head[3] !== "255") throw new Error(`${path}: expected a PPM (P6) of 8 bits`);
  const [width, height] = [Number(head[1]), Number(head[2])];
  const rgb = file.subarray(head[0].length);
  if (rgb.length !== width * height * 3) throw new Error(`${path}: truncated`);
  const data = new Uint8Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    data[i] = rgb[i + 2];
    data[i + 1] = rgb[i + 1];
    data[i + 2] = rgb[i];
  }
  return { height, width, data };
}

const images = process.argv.slice(2);
if (images.length === 0) {
  console.error("usage: node client.mjs IMAGE.ppm...");
  process.exit(2);
}
const { classes } = JSON.parse(readFileSync(join(here, "manifest.json"), "utf8"));
const session = await ort.InferenceSession.create(join(here, "model.onnx"), {
  logSeverityLevel: 3, // it warns of each input that need not be fed
});
for (const path of images) {
  const { height, width, data } = readPpm(path);
  const frames = new ort.Tensor("uint8", data, [1, height, width, 3]);
  const { boxes, scores, labels, count } = await session.run({ frames });
  const objects = [];
  for (let i = 0; i < Number(count.data[0]); i++) {
    objects.push({
      name: classes[Number(labels.data[i])].name,
      score: scores.data[i],
      box: Array.from(boxes.data.subarray(4 * i, 4 * i + 4)),
    });
  }
  console.log(JSON.stringify({ image: path, objects }));
}
