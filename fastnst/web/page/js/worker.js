// Paints in a thread of its own: one task after another.

import { Painter } from "./painter.js";
import { core, cut, readPixels } from "./pixels.js";
import { planTiles, reduced } from "./tiles.js";

const THUMBNAIL = 1024; // longer side of the reduced picture whose statistics tiles use, pixels
const WHOLE = 2 ** 22; // pixels that are painted at once, if memory allows
const WINDOW = 1.5 * 2 ** 20; // pixels of a window of a larger picture
const MEMORY = 2 ** 30; // bytes that one run may take
const STEADY = 0.8; // share of earlier frames in the statistics of a film

let starting;
let stopped; // the task that is given up
let film = {};
let last = Promise.resolve();

const tasks = {
  async start({ runtime, threads, model }) {
    starting = Painter.start(runtime, threads, model);
    return { engine: (await starting).description };
  },

  async paint({ id, bitmap, model, look }) {
    const painter = await starting;
    await painter.use(model);
    const picture = readPixels(bitmap);
    bitmap.close();
    const most = MEMORY / model.tile.bytes;
    const none = new Float32Array(model.tile.statistics);
    if (picture.width * picture.height <= Math.min(WHOLE, most)) {
      const all = planTiles(picture.width, picture.height, model.tile, Infinity)[0];
      emit(id, await painter.paint(picture, look, none), all, picture, 1);
      return {};
    }
    const small = reduced(picture, model.tile.multiple, THUMBNAIL);
    const { measured } = await painter.paint(small, look, none);
    const tiles = planTiles(picture.width, picture.height, model.tile, Math.min(WINDOW, most));
    for (const [place, tile] of tiles.entries()) {
      await messages();
      if (stopped === id) break;
      const window = cut(picture, tile.rows, tile.columns);
      emit(id, await painter.paint(window, look, measured, 1), tile, picture, (place + 1) / tiles.length);
    }
    return {};
  },

  async frame({ bitmap, model, look }) {
    const painter = await starting;
    await painter.use(model);
    const picture = readPixels(bitmap);
    bitmap.close();
    const scene = JSON.stringify([model.name, look, picture.width, picture.height]);
    if (film.scene !== scene) film = { scene };
    const held = film.statistics ? STEADY : 0;
    const given = film.statistics ?? new Float32Array(model.tile.statistics);
    const painted = await painter.paint(picture, look, given, held);
    film.statistics = given.map((value, i) => painted.measured[i] + held * (value - painted.measured[i]));
    const all = planTiles(picture.width, picture.height, model.tile, Infinity)[0];
    return { image: core(painted, all, picture) };
  },
};

function emit(id, painted, tile, picture, share) {
  const image = core(painted, tile, picture);
  const part = { image, left: tile.columns.from, top: tile.rows.from };
  postMessage({ id, part, share }, [image.data.buffer]);
}

/** Let messages in that came while a tile was computed. */
function messages() {
  return new Promise((resolve) => setTimeout(resolve));
}

onmessage = ({ data }) => {
  if (data.stop) stopped = data.stop;
  else last = last.then(() => run(data));
};

async function run(data) {
  try {
    postMessage({ id: data.id, result: await tasks[data.task](data) });
  } catch (error) {
    postMessage({ id: data.id, error: String(error?.message ?? error) });
  }
}
