// Paints by the server that this page is from.

const TRIES = 3; // times that a busy server is asked again
const PATIENCE = 10; // seconds that it may ask to wait; what takes longer is said

export class RemoteEngine {
  live = false;

  async start() {
    return "painted by the server";
  }

  /** Send a bitmap and show what comes back; see `LocalEngine.paint`. */
  async paint(bitmap, { model, style, mix, strength }, { onPart, onProgress, signal }) {
    const form = new FormData();
    form.set("image", await asFile(bitmap), "picture.png");
    form.set("model", model.name);
    form.set("format", "png");
    if (style) form.set("style", style);
    else if (mix.length > 1) form.set("mix", mix.map((weight, i) => `${model.styles[i].name}:${weight}`).join(","));
    if (model.strength) form.set("strength", String(strength));
    const painted = await createImageBitmap(await (await post("v1/stylize", form, signal)).blob());
    onPart(painted, 0, 0);
    painted.close();
    onProgress(1);
  }
}

/** Post a form; a server that is busy says when to come back. */
export async function post(address, form, signal) {
  for (let tried = 0; ; tried++) {
    const answer = await fetch(address, { method: "POST", body: form, signal });
    if (answer.ok) return answer;
    const seconds = Number(answer.headers.get("Retry-After") || 1);
    if (answer.status !== 503 || tried === TRIES || !(seconds <= PATIENCE)) throw new Error(await reason(answer));
    await pause(1000 * seconds, signal);
  }
}

async function reason(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : detail[0].msg;
  } catch {
    return `the server answers ${answer.status}`;
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function asFile(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}
