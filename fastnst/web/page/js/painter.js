// ONNX Runtime Web and the graph of one model; lives in the worker.

import { fetchBytes } from "./site.js";

/** Says what computes: `description`; and paints pixels by graphs. */
export class Painter {
  #ort;
  #providers;
  #session;
  #model;

  /** Start on the graphics card where that works, and on the processor otherwise. */
  static async start(runtime, threads) {
    if (await graphicsCard()) {
      try {
        return await new Painter().#open(runtime.webgpu, ["webgpu", "wasm"], threads);
      } catch (error) {
        console.info(`WebGPU cannot be used: ${error.message}`);
      }
    }
    return new Painter().#open(runtime.wasm, ["wasm"], threads);
  }

  async #open({ script, glue, binary }, providers, threads) {
    const page = new URL("../", import.meta.url);
    const [ort, wasmBinary] = await Promise.all([import(new URL(script, page)), fetchBytes(new URL(binary, page))]);
    const many = globalThis.crossOriginIsolated ? threads : 1;
    Object.assign(ort.env.wasm, { wasmBinary, wasmPaths: { mjs: new URL(glue, page).href }, numThreads: many });
    ort.env.logLevel = "error";
    this.#ort = ort;
    this.#providers = providers;
    const word = many === 1 ? "thread" : "threads";
    this.description = providers[0] === "webgpu" ? "WebGPU" : `WebAssembly, ${many} ${word}`;
    return this;
  }

  /** Use a model from now on. */
  async use(model) {
    if (this.#model === model.file) return;
    const graph = await fetchBytes(new URL(model.file, new URL("../", import.meta.url)));
    this.#model = null;
    await this.#session?.release();
    this.#session = await this.#ort.InferenceSession.create(graph, {
      executionProviders: this.#providers,
      enableMemPattern: false, // pictures have many sizes
    });
    this.#model = model.file;
  }

  /** Paint `{values, width, height}`, 0 to 255; norms use the picture's own statistics, or by the share `held` given ones.
   *
   * Returns such a picture, in whole numbers, with its statistics as `measured`.
   */
  async paint({ values, width, height }, { mix, strength }, statistics, held = 0) {
    const { Tensor } = this.#ort;
    const inputs = {
      images: new Tensor("float32", shares(values), [1, height, width, 3]),
      statistics: new Tensor("float32", statistics, [1, statistics.length]),
      held: new Tensor("float32", Float32Array.of(held), []),
    };
    if (this.#session.inputNames.includes("style")) {
      inputs.style = new Tensor("float32", Float32Array.from(mix), [mix.length]);
      inputs.strength = new Tensor("float32", Float32Array.of(strength), []);
    }
    const { painted, measured } = await this.#session.run(inputs);
    return { values: levels(painted.data), width, height, measured: measured.data };
  }
}

function shares(values) {
  const found = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) found[i] = values[i] / 255;
  return found;
}

function levels(values) {
  const found = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) found[i] = Math.floor(255 * values[i] + 0.5);
  return found;
}

/** Say whether there is a graphics card that a page may use; one that a processor imitates is slower than none. */
async function graphicsCard() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}
