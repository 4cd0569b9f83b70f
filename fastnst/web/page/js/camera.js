// The camera: painted as it runs, and a photograph from it.

import { find } from "./dom.js";
import { compare, putPart, setPhotograph, show } from "./stage.js";
import { say } from "./status.js";

const PACE = 100; // milliseconds per frame that the size of frames aims at
const LEAST = 160; // pixels of a frame's longer side
const MOST = 960;
const FIRST = 320;

/** Show the camera, painted; `onPhotograph(bitmap)` is called with the one that is taken, or with nothing. */
export class Camera {
  #engine;
  #look;
  #onPhotograph;
  #video = document.createElement("video");
  #running = false;
  #facing = "user";
  #size = FIRST;
  #attempt = 0; // the latest to connect; earlier ones, whose permission comes late, are given up
  #said = -Infinity;

  constructor(engine, look, onPhotograph) {
    this.#engine = engine;
    this.#look = look;
    this.#onPhotograph = onPhotograph;
    Object.assign(this.#video, { muted: true, playsInline: true });
    find("snap").addEventListener("click", () => this.#snap().catch((error) => say(error.message)));
    find("leave").addEventListener("click", () => this.#leave());
    find("turn").addEventListener("click", () => this.#turn().catch((error) => say(error.message)));
  }

  static get present() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Show it; resolves to whether it is shown, and nobody closed it before it could be. */
  async open() {
    if (!(await this.#connect())) return false;
    show("camera");
    compare(0);
    find("shutter").hidden = false;
    find("snap").focus();
    const inputs = await navigator.mediaDevices.enumerateDevices();
    find("turn").hidden = inputs.filter(({ kind }) => kind === "videoinput").length < 2;
    if (!this.#running) this.#run();
    return true;
  }

  /** Whether the camera is shown. */
  get on() {
    return !find("shutter").hidden;
  }

  close() {
    this.#disconnect();
    find("shutter").hidden = true;
    say("");
  }

  async #snap() {
    await this.#leave(await createImageBitmap(this.#video));
  }

  async #turn() {
    const before = this.#facing;
    this.#facing = before === "user" ? "environment" : "user";
    try {
      await this.#connect();
    } catch (error) {
      this.#facing = before;
      await this.#connect();
      say(error.message);
    }
    if (!this.#running) this.#run();
  }

  async #connect() {
    this.#disconnect();
    const mine = this.#attempt;
    const video = { facingMode: this.#facing, width: { ideal: 1920 }, height: { ideal: 1080 } };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch (error) {
      const reason = error.name === "NotAllowedError" ? "it was not allowed" : error.message;
      throw new Error(`the camera cannot be used: ${reason}`);
    }
    if (mine !== this.#attempt) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    this.#video.srcObject = stream;
    await this.#video.play();
    return true;
  }

  #disconnect() {
    this.#attempt++;
    for (const track of this.#video.srcObject?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  async #leave(photograph) {
    this.close();
    await this.#onPhotograph(photograph);
  }

  async #run() {
    this.#running = true;
    const times = [];
    while (this.#video.srcObject) {
      const began = performance.now();
      try {
        await this.#frame();
      } catch (error) {
        if (this.#video.srcObject) say(error.message);
        break;
      }
      times.push(performance.now() - began);
      if (times.length > 10) times.shift();
      this.#adapt(times);
    }
    this.#running = false;
  }

  async #frame() {
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, this.#size / Math.max(videoWidth, videoHeight));
    const [resizeWidth, resizeHeight] = [videoWidth, videoHeight].map((side) => 8 * Math.max(2, Math.round((side * scale) / 8)));
    const bitmap = await createImageBitmap(this.#video, { resizeWidth, resizeHeight, resizeQuality: "medium" });
    const shown = await createImageBitmap(bitmap);
    const painted = this.#engine.live ? await this.#engine.frame(bitmap, this.#look()) : null;
    bitmap.close();
    if (this.#video.srcObject) setPhotograph(shown);
    shown.close();
    if (!this.#video.srcObject) return;
    if (painted) putPart(painted, 0, 0);
    else await new Promise(requestAnimationFrame);
  }

  /** Say how fast it goes, and choose a size that suits the machine. */
  #adapt(times) {
    const mean = times.reduce((sum, time) => sum + time) / times.length;
    const { width, height } = find("after");
    if (this.#engine.live && this.#video.srcObject && performance.now() - this.#said > 2000) {
      this.#said = performance.now(); // no more often, for it is read out
      say(`${(1000 / mean).toFixed(1)} frames per second, ${width} × ${height}`);
    }
    if (times.length < 10 || (mean > 0.6 * PACE && mean < 1.5 * PACE)) return;
    const size = Math.round((this.#size * Math.sqrt(PACE / mean)) / 32) * 32;
    this.#size = Math.min(MOST, Math.max(LEAST, size));
    times.length = 0;
  }
}
