// A style of one's own, where the server trains: a sketch at once, the trained style some minutes later.

import { find } from "./dom.js";
import { post } from "./remote.js";
import { blame } from "./status.js";

/** Offer to train; `onTrained(name)` is called when the server has one more model. */
export function offerTraining(onTrained) {
  find("own").hidden = false;
  find("painting").addEventListener("click", () => find("style_file").click());
  find("style_file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) await train(file, onTrained).catch((error) => blame(error.message));
  });
}

async function train(file, onTrained) {
  blame();
  const form = new FormData();
  form.set("image", file);
  form.set("name", file.name.replace(/\.[^.]*$/, "").slice(0, 80));
  tell("Sending the painting …", null);
  try {
    const { id } = await (await post("v1/styles", form)).json();
    const name = await follow(`v1/styles/${encodeURIComponent(id)}/events`);
    tell("Trained.");
    await onTrained(name ?? id);
  } catch (error) {
    tell("");
    throw error;
  }
}

/** Show the events of a training until it is done. */
function follow(address) {
  return new Promise((resolve, reject) => {
    const events = new EventSource(address);
    events.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.result ?? event.preview) showPreview(event.result ?? event.preview);
      if (event.state === "done" || event.state === "failed") events.close();
      if (event.state === "done") resolve(event.model);
      else if (event.state === "failed") reject(new Error(event.message || "the training failed"));
      else tell(event.message || (event.state === "queued" ? "Waiting …" : "Training …"), event.share ?? null);
    };
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED) reject(new Error("the server no longer tells of the training"));
    };
  });
}

function showPreview(address) {
  const preview = find("preview");
  // The server's own address, as a path: whatever else an event may say is not fetched.
  preview.src = new URL(address, location.href).pathname;
  preview.hidden = false;
}

function tell(text, share) {
  const bar = find("trained");
  find("training").textContent = text;
  bar.hidden = share === undefined;
  if (share === null) bar.removeAttribute("value");
  else if (share !== undefined) bar.value = share;
}
