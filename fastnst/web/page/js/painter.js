// ONNX Runtime Web and the graph of one model; lives in the worker.

import { fetchBytes } from "./site.js";

const SAMPLE = 64; // side of the picture that a graphics card is tried on, pixels
const TOLERANCE = 4; // levels of 255

/** Says what computes: `description`; and paints pixels by graphs. */
export class Painter {
  #ort;
  #providers;
  #session;
  #model;

  /** Start with a model: on a graphics card that paints as the processor does, and on the processor otherwise. */
  static async start(runtime, threads, model) {
    if (await graphicsCard()) {
      try {
        const painter = await new Painter().#open(runtime.webgpu, ["webgpu", "wasm"], threads);
        await painter.#check(model);
        return painter;
      } catch (error) {
        console.info(`WebGPU is not used: ${error.message}`);
      }
    }
    const painter = await new Painter().#open(runtime.wasm, ["wasm"], threads);
    await painter.use(model);
    return painter;
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

  /** Compare what the graphics card paints with what the processor does. */
  async #check(model) {
    const values = Uint8Array.from({ length: SAMPLE * SAMPLE * 3 }, (_, i) => (i * 7 + (i >> 6) * 11) % 256);
    const look = { mix: (model.styles.length ? model.styles : [model]).map((_, row) => Number(row === 0)), strength: 1 };
    const painted = [];
    for (const providers of [["wasm"], this.#providers]) {
      this.#providers = providers;
      this.#model = null;
      await this.use(model);
      const nothing = new Float32Array(model.tile.statistics);
      painted.push((await this.paint({ values, width: SAMPLE, height: SAMPLE }, look, nothing)).values);
    }
    const apart = painted[0].reduce((most, value, i) => Math.max(most, Math.abs(value - painted[1][i])), 0);
    if (apart > TOLERANCE) throw new Error(`it paints ${apart} of 255 apart`);
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
      logSeverityLevel: 3, // errors; that sizes are computed on the processor is none
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
