// What is going on, what went wrong, and how to end it.

import { find } from "./dom.js";

const bar = find("bar");
const button = find("cancel");

/** Say what is going on; `share` of it is done, `null` for unknown, and nothing where there is nothing to wait for. */
export function say(text, share) {
  find("status").textContent = text;
  bar.hidden = share === undefined;
  if (share === null) bar.removeAttribute("value");
  else if (share !== undefined) bar.value = share;
}

/** Say what went wrong, or nothing. */
export function blame(text = "") {
  find("error").textContent = text && text[0].toUpperCase() + text.slice(1);
}

/** Offer to do something about what is going on, or nothing. */
export function offer(text, action) {
  button.hidden = !text;
  button.textContent = text ?? "";
  button.onclick = action;
}
