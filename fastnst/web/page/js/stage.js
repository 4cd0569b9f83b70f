// The picture: the photograph, the painting above it, and how much of either is seen.

import { find } from "./dom.js";

const frame = find("frame");
const before = find("before");
const after = find("after");
const split = find("split");

split.addEventListener("input", () => compare(Number(split.value)));

/** Say what is shown: `empty`, `picture`, `painted` or `camera`. */
export function show(state) {
  find("stage").dataset.state = state;
}

/** Show a photograph of some size; what was painted before is gone. */
export function setPhotograph(bitmap) {
  const { width, height } = bitmap;
  for (const canvas of [before, after]) [canvas.width, canvas.height] = [width, height];
  frame.style.setProperty("--width", width);
  frame.style.setProperty("--height", height);
  before.getContext("2d").drawImage(bitmap, 0, 0);
}

/** Put a part of the painting where it belongs. */
export function putPart(image, left, top) {
  const context = after.getContext("2d");
  if (image instanceof ImageData) context.putImageData(image, left, top);
  else {
    context.clearRect(left, top, image.width, image.height); // or what is half transparent would show the one before
    context.drawImage(image, left, top);
  }
}

/** Show so much of the photograph, percent from the left. */
export function compare(percent) {
  split.value = percent;
  split.setAttribute("aria-valuetext", `${Math.round(percent)} % photograph`);
  frame.style.setProperty("--split", `${percent}%`);
  frame.classList.toggle("split", percent > 0 && percent < 100);
}

/** The canvas with the painting. */
export const painting = after;
