// Between bitmaps of the browser and the pixels that graphs take: RGB, 8 bits, row by row.

/** Read a bitmap: `{values, alpha, width, height}`; what is transparent is seen on white, and `alpha` is kept aside. */
export function readPixels(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(width * height * 3);
  let alpha = null;
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const opacity = data[from + 3];
    if (opacity === 255) {
      values[to] = data[from];
      values[to + 1] = data[from + 1];
      values[to + 2] = data[from + 2];
      continue;
    }
    alpha ??= new Uint8Array(width * height).fill(255);
    alpha[from / 4] = opacity;
    for (let i = 0; i < 3; i++) values[to + i] = Math.round(255 + ((data[from + i] - 255) * opacity) / 255);
  }
  return { values, alpha, width, height };
}

/** Copy a window out of a picture. */
export function cut({ values, width }, rows, columns) {
  const [height, across] = [rows.last - rows.first, columns.last - columns.first];
  const window = new Uint8Array(height * across * 3);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((rows.first + y) * width + columns.first);
    window.set(values.subarray(from, from + 3 * across), 3 * y * across);
  }
  return { values: window, width: across, height };
}

/** Turn the core of a painted window into what a canvas takes. */
export function core(painted, { rows, columns }, picture) {
  const [height, across] = [rows.to - rows.from, columns.to - columns.from];
  const image = new ImageData(across, height);
  for (let y = 0; y < height; y++) {
    let from = 3 * ((rows.from - rows.first + y) * painted.width + columns.from - columns.first);
    let to = 4 * y * across;
    let place = (rows.from + y) * picture.width + columns.from;
    for (let x = 0; x < across; x++, from += 3, to += 4, place++) {
      image.data[to] = painted.values[from];
      image.data[to + 1] = painted.values[from + 1];
      image.data[to + 2] = painted.values[from + 2];
      image.data[to + 3] = picture.alpha ? picture.alpha[place] : 255;
    }
  }
  return image;
}
