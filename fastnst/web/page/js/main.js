// The page: a picture comes in, is painted in a style, and goes out.

import { Camera } from "./camera.js";
import { find } from "./dom.js";
import { LocalEngine } from "./local.js";
import { forget, keepAll, serveOurselves } from "./offline.js";
import { offerTraining } from "./own.js";
import { pictureIn, readPicture, save, scaled } from "./pictures.js";
import { RemoteEngine } from "./remote.js";
import { readSite } from "./site.js";
import { offerSizes } from "./sizes.js";
import { compare, painting, putPart, setPhotograph, show } from "./stage.js";
import { blame, offer, say } from "./status.js";
import { Styles } from "./styles.js";

const file = find("file");
let engine;
let styles;
let camera;
let picture;
let size = 0;
let task;
let opened = 0; // pictures that were chosen; the latest counts, however long others take to decode

await begin().catch((error) => blame(error.message));

async function begin() {
  find("unstarted").hidden = true;
  const site = await readSite();
  if (site.engine === "local") await serveOurselves(() => picture);
  else await forget();
  engine = site.engine === "local" ? new LocalEngine(site) : new RemoteEngine();
  styles = new Styles(site.models, repaint);
  camera = new Camera(engine, () => styles.look, leaveCamera);
  listen();
  describe(site);
  if (site.training) offerTraining(addTrained);
  document.documentElement.dataset.ready = "yes";
  const computes = await engine.start();
  find("engine").textContent = computes;
  if (site.engine === "local" && (await keepAll(site, computes))) find("offline").textContent = "Works without a network.";
}

function describe(site) {
  if (site.engine === "server") find("promise").textContent = "Pictures go to the server that this page is from, and nowhere else.";
}

function listen() {
  find("choose").addEventListener("click", () => file.click());
  find("another").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    open(file.files[0]);
    file.value = "";
  });
  for (const id of ["camera", "camera_again"]) {
    find(id).hidden = !Camera.present;
    find(id).addEventListener("click", openCamera);
  }
  find("png").addEventListener("click", () => download("image/png"));
  find("jpeg").addEventListener("click", () => download("image/jpeg"));
  document.addEventListener("paste", (event) => open(pictureIn(event.clipboardData)));
  listenToDrops(document.documentElement);
}

function listenToDrops(page) {
  let depth = 0; // elements that are entered and not left
  const hover = (change) => {
    depth = change === 0 ? 0 : depth + change;
    page.classList.toggle("dropping", depth > 0);
  };
  page.addEventListener("dragenter", () => hover(1));
  page.addEventListener("dragleave", () => hover(-1));
  page.addEventListener("dragover", (event) => event.preventDefault());
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    hover(0);
    open(pictureIn(event.dataTransfer));
  });
}

async function open(given) {
  if (!given) return;
  blame();
  const mine = ++opened;
  try {
    const found = await readPicture(given);
    if (mine === opened) await use(found);
    else found.bitmap.close();
  } catch (error) {
    if (mine === opened) blame(error.message);
  }
}

async function use(found) {
  task?.abort();
  camera.close();
  picture?.bitmap.close();
  picture = found;
  size = offerSizes(found, (chosen) => {
    size = chosen;
    repaint();
  });
  await repaint(true);
}

/** Paint the picture as it is asked for now; what was being painted is given up. */
async function repaint(anew = false) {
  if (!picture || camera.on) return;
  task?.abort(new DOMException("superseded", "AbortError"));
  const mine = (task = new AbortController());
  const current = () => task === mine;
  blame();
  if (anew === true) show("picture");
  offer("Cancel", () => mine.abort(new DOMException("cancelled", "AbortError")));
  say("Getting ready …", null);
  let bitmap;
  try {
    bitmap = await scaled(picture, size);
    if (!current()) return;
    if (anew === true || bitmap.width !== painting.width || bitmap.height !== painting.height) {
      setPhotograph(bitmap);
      compare(0);
    }
    finish(false);
    await paint(bitmap, mine.signal, current);
  } catch (error) {
    if (current()) stopped(error);
  } finally {
    bitmap?.close();
  }
}

async function paint(bitmap, signal, current) {
  const began = performance.now();
  const { width, height } = bitmap;
  say("Painting …", null);
  await engine.paint(bitmap, styles.look, {
    signal,
    onPart: (image, left, top) => current() && putPart(image, left, top),
    onProgress: (share) => current() && share < 1 && say(`Painting, ${Math.round(100 * share)} % …`, share),
  });
  if (!current()) return;
  offer();
  const seconds = (performance.now() - began) / 1000;
  painting.dataset.seconds = seconds.toFixed(3);
  say(`Painted, ${width} × ${height}, in ${seconds.toFixed(1)} s.`);
  finish(true);
}

function stopped(error) {
  const cancelled = error.name === "AbortError";
  offer("Paint again", repaint);
  say(cancelled ? "Cancelled." : "");
  if (!cancelled) blame(error.message);
}

/** Offer the painting, once it is whole. */
function finish(whole) {
  find("done").hidden = false;
  for (const id of ["png", "jpeg"]) find(id).disabled = !whole;
  if (whole) show("painted");
}

async function download(type) {
  try {
    await save(painting, `${picture.name}_${styles.name}`, type);
  } catch (error) {
    blame(error.message);
  }
}

async function openCamera() {
  blame();
  task?.abort();
  task = undefined;
  offer();
  try {
    if (await camera.open()) find("done").hidden = true;
  } catch (error) {
    blame(error.message);
  }
}

async function leaveCamera(photograph) {
  opened++;
  if (photograph) {
    const { width, height } = photograph;
    await use({ bitmap: photograph, width, height, name: "photograph" });
  } else if (picture) await repaint(true);
  else show("empty");
}

async function addTrained(name) {
  const { models } = await readSite();
  styles.offer(models, name);
  repaint();
}
