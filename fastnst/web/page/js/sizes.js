// How large the painting becomes.

import { find, make } from "./dom.js";

const SIZES = [1024, 2048]; // longer side, pixels
const AT_ONCE = 2048; // larger pictures begin with so many, which takes seconds everywhere

/** Offer sizes for a picture; `onChange(size)` gets the longer side, 0 for the picture's own. Returns the first. */
export function offerSizes({ width, height }, onChange) {
  const own = Math.max(width, height);
  const smaller = SIZES.filter((size) => size < own);
  find("sizes").hidden = smaller.length === 0;
  const first = smaller.includes(AT_ONCE) ? AT_ONCE : 0;
  const choices = [...smaller.map((size) => [size, `${size}`]), [0, `${width} × ${height}`]];
  find("choices").replaceChildren(...choices.map(([size, text]) => choice(size, text, size === first, onChange)));
  return first;
}

function choice(size, text, checked, onChange) {
  const input = make("input", { type: "radio", name: "size", className: "hidden", value: size, checked });
  input.addEventListener("change", () => onChange(size));
  return make("label", {}, input, make("span", { textContent: text }));
}
