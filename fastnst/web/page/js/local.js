// Paints in this browser, by a worker.

const THREADS = 8; // beyond which WebAssembly gains little
const GRACE = 500; // milliseconds that a painting which is given up has to end by itself

export class LocalEngine {
  #site;
  #worker;
  #started;
  #tasks = new Map();
  #last = 0;
  #free = Promise.resolve(); // when what was given up has ended

  constructor(site) {
    this.#site = site;
  }

  live = true;

  /** Get ready; resolves to a description of what computes. */
  start() {
    if (!this.#worker) {
      this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      this.#worker.onmessage = ({ data }) => this.#receive(data);
      this.#worker.onerror = (event) => this.#fail(event.message || "the painter could not be started");
      const threads = Math.min(THREADS, navigator.hardwareConcurrency || 1);
      const { runtime, models } = this.#site;
      this.#started = this.#send({ task: "start", runtime, threads, model: models[0] }).then(({ engine }) => engine);
      this.#started.catch(() => {
        this.#worker = null;
      });
    }
    return this.#started;
  }

  /** Paint a bitmap, which is used up; `onPart(image, left, top)` and `onProgress(share)` are called as it goes. */
  async paint(bitmap, { model, mix, strength }, { onPart, onProgress, signal }) {
    await this.#free;
    await this.start();
    signal.throwIfAborted();
    const receive = ({ part, share }) => {
      onPart(part.image, part.left, part.top);
      onProgress(share);
    };
    const painted = this.#send({ task: "paint", bitmap, model, look: { mix, strength } }, [bitmap], receive);
    const id = this.#last;
    const stop = () => this.#giveUp(id, signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    await painted.finally(() => signal.removeEventListener("abort", stop));
  }

  /** Paint one frame of a film; statistics of norms are those of the last frames together. */
  async frame(bitmap, { model, mix, strength }) {
    await this.#free;
    await this.start();
    const { image } = await this.#send({ task: "frame", bitmap, model, look: { mix, strength } }, [bitmap]);
    return image;
  }

  #send(message, transfer = [], onPart = null) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#tasks.set(id, { resolve, reject, onPart, onEnd() {} });
      this.#worker.postMessage({ id, ...message }, transfer);
    });
  }

  /** Tell the worker to stop, which it does between tiles; end it if that takes long. */
  #giveUp(id, reason) {
    const task = this.#tasks.get(id);
    task.reject(reason);
    task.onPart = () => {};
    const timer = setTimeout(() => this.#stop(reason), GRACE);
    this.#free = new Promise((resolve) => {
      task.onEnd = () => resolve(clearTimeout(timer));
    });
    this.#worker.postMessage({ stop: id });
  }

  #receive({ id, part, share, result, error }) {
    const task = this.#tasks.get(id);
    if (!task) return;
    if (part) return task.onPart({ part, share });
    this.#tasks.delete(id);
    task.onEnd();
    if (!error) return task.resolve(result);
    task.reject(new Error(explained(error)));
    this.#fail(error); // memory that could not be had leaves a runtime of no use
  }

  #fail(message) {
    this.#stop(new Error(message));
  }

  /** End the worker, and whatever it does. */
  #stop(reason) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const task of this.#tasks.values()) {
      task.reject(reason);
      task.onEnd();
    }
    this.#tasks.clear();
  }
}

function explained(error) {
  if (/alloc|memory|out of bounds|std::bad|RangeError/i.test(error)) {
    return `there is too little memory for this picture; choose a smaller size (${error})`;
  }
  return error;
}
