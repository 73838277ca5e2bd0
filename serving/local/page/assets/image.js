// A field for an image: a sample, or a file that is scaled to the shape of the model in this browser.

import { element } from "./elements.js";

const ACCEPTED = ["image/png", "image/jpeg"];

export function imageField(feature, id) {
  const [height, width] = feature.shape;
  const canvas = element("canvas", { width, height, className: "preview" });
  Object.assign(canvas, { role: "img", ariaLabel: "The image that is sent" });
  const file = element("input", { id, type: "file", accept: ACCEPTED.join(","), className: "vh" });
  const size = `${width} × ${height} pixels${feature.shape[2] === 1 ? ", in grey" : ""}`;
  const text = `Drop a PNG or JPEG here, or choose a file. It is scaled to ${size}.`;
  const drop = element("label", { className: "drop", htmlFor: id }, canvas, element("span", {}, text));
  const swap = element("input", { type: "checkbox", id: `${id}-swap` });
  const swapLabel = element("label", { htmlFor: swap.id }, " Swap bright and dark");
  const swapping = element("p", { hidden: true }, swap, swapLabel);
  const problem = element("p", { className: "bad" });
  problem.setAttribute("role", "alert");

  const context = canvas.getContext("2d", { willReadFrequently: true });
  let json = "";
  let bitmap = null;

  const redraw = () => {
    draw(context, bitmap, swap.checked, feature.shape[2]);
    json = JSON.stringify(pixelsOf(context, feature));
  };
  const take = async (chosen) => {
    problem.textContent = "";
    try {
      if (!ACCEPTED.includes(chosen.type)) throw new TypeError();
      bitmap = await createImageBitmap(chosen);
    } catch {
      problem.textContent = `“${chosen.name}” is no PNG or JPEG that can be read.`;
      return;
    }
    swapping.hidden = false;
    redraw();
  };
  const fill = async (value) => {
    [bitmap, swapping.hidden, problem.textContent] = [null, true, ""];
    json = value === null ? "" : JSON.stringify(value);
    context.clearRect(0, 0, width, height);
    if (value?.b64) await show(context, value.b64, () => json === JSON.stringify(value));
  };

  swap.addEventListener("change", redraw);
  file.addEventListener("change", async () => {
    if (file.files[0]) await take(file.files[0]);
    file.value = ""; // the same file can be chosen again
  });
  acceptDrops(drop, take);
  const name = element("span", { className: "name" }, feature.name);
  const made = element("div", { className: "field wide" }, name, file, drop, swapping, problem);
  return { element: made, fill, json: () => json };
}

function acceptDrops(drop, take) {
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragenter" || name === "dragover");
    });
  }
  drop.addEventListener("drop", (event) => event.dataTransfer.files[0] && take(event.dataTransfer.files[0]));
}

async function show(context, base64, isWanted) {
  const picture = new Image();
  picture.src = `data:image/png;base64,${base64}`;
  await picture.decode();
  if (isWanted()) context.drawImage(picture, 0, 0);
}

// The whole image, as large as it fits, on a black ground.
function draw(context, bitmap, swapped, channels) {
  const { width, height } = context.canvas;
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [wide, high] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingQuality = "high";
  context.fillStyle = swapped ? "white" : "black";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, (width - wide) / 2, (height - high) / 2, wide, high);
  const content = context.getImageData(0, 0, width, height);
  const { data } = content;
  for (let at = 0; at < data.length; at += 4) {
    let colours = data.slice(at, at + 3);
    if (channels === 1) colours = colours.fill(grey(...colours));
    data.set(swapped ? colours.map((value) => 255 - value) : colours, at);
  }
  context.putImageData(content, 0, 0);
}

// As the usual libraries, and so ingest, make grey of colours.
function grey(red, green, blue) {
  return Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
}

function pixelsOf(context, feature) {
  const [height, width, channels] = feature.shape;
  const { data } = context.getImageData(0, 0, width, height);
  const unit = feature.kind === "float32" ? 255 : 1;
  const pixel = (at) => Array.from(data.slice(at, at + channels), (value) => value / unit);
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => pixel(4 * (y * width + x))));
}
