// Paints in this browser, by a worker.

/** Threads beyond which WebAssembly gains little. */
const THREADS = 8;

export class LocalEngine {
  #site;
  #worker;
  #started;
  #tasks = new Map();
  #last = 0;

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
      const runtime = this.#site.runtime;
      this.#started = this.#send({ task: "start", runtime, threads }).then(({ engine }) => engine);
      this.#started.catch(() => {
        this.#worker = null;
      });
    }
    return this.#started;
  }

  /** Paint a bitmap, which is used up; `onPart(image, left, top)` and `onProgress(share)` are called as it goes. */
  async paint(bitmap, { model, mix, strength }, { onPart, onProgress, signal }) {
    signal.throwIfAborted();
    const stop = () => this.#stop(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const receive = ({ part, share }) => {
      onPart(part.image, part.left, part.top);
      onProgress(share);
    };
    try {
      await this.start();
      await this.#send({ task: "paint", bitmap, model, look: { mix, strength } }, [bitmap], receive);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Paint one frame of a film; statistics of norms are those of the last frames together. */
  async frame(bitmap, { model, mix, strength }) {
    await this.start();
    const { image } = await this.#send({ task: "frame", bitmap, model, look: { mix, strength } }, [bitmap]);
    return image;
  }

  #send(message, transfer = [], onPart = null) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#tasks.set(id, { resolve, reject, onPart });
      this.#worker.postMessage({ id, ...message }, transfer);
    });
  }

  #receive({ id, part, share, result, error }) {
    const task = this.#tasks.get(id);
    if (!task) return;
    if (part) return task.onPart({ part, share });
    this.#tasks.delete(id);
    if (!error) return task.resolve(result);
    task.reject(new Error(explained(error)));
    this.#fail(error); // memory that could not be had leaves a runtime of no use
  }

  #fail(message) {
    this.#stop(new Error(message));
  }

  /** End the worker, which cannot be interrupted otherwise. */
  #stop(reason) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const task of this.#tasks.values()) task.reject(reason);
    this.#tasks.clear();
  }
}

function explained(error) {
  if (/alloc|memory|out of bounds|std::bad|RangeError/i.test(error)) {
    return `there is too little memory for this picture; choose a smaller size (${error})`;
  }
  return error;
}
