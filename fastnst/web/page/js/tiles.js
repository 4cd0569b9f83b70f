// Windows that overlap and cores that do not: how a large picture is painted in parts that meet without a seam.

/** Plan windows of at most `most` pixels or so; all numbers are pixels.
 *
 * Cores begin at multiples of `multiple`, and windows extend `halo` beyond them, as far as the picture goes.
 */
export function planTiles(width, height, { multiple, halo }, most) {
  const side = Math.max(multiple, Math.sqrt(most) - 2 * halo);
  const columns = spans(width, side, multiple, halo);
  return spans(height, side, multiple, halo).flatMap((rows) => columns.map((across) => ({ rows, columns: across })));
}

function spans(length, side, multiple, halo) {
  const count = Math.max(1, Math.round(length / side));
  const core = Math.ceil(length / count / multiple) * multiple;
  const found = [];
  for (let first = 0; first < length; first += core) {
    const end = length - first - core <= halo ? length : first + core; // no thin last core
    found.push({ first: Math.max(0, first - halo), last: Math.min(length, end + halo), from: first, to: end });
    if (end === length) break;
  }
  return found;
}

/** Reduce RGB pixels by the mean over squares, so that no side is longer than `longest`.
 *
 * The picture is extended to multiples of `multiple` by its mirror image before, as the network sees it.
 */
export function reduced({ values, width, height }, multiple, longest) {
  const [across, down] = [width, height].map((side) => Math.ceil(side / multiple) * multiple);
  const step = Math.max(1, Math.ceil(Math.max(across, down) / longest));
  const small = { width: Math.ceil(across / step), height: Math.ceil(down / step) };
  const sums = new Float64Array(small.width * small.height * 3);
  const counts = new Uint32Array(small.width * small.height);
  for (let y = 0; y < down; y++) {
    const row = mirrored(y, height) * width;
    const line = Math.floor(y / step) * small.width;
    for (let x = 0; x < across; x++) {
      const from = 3 * (row + mirrored(x, width));
      const to = line + Math.floor(x / step);
      for (let channel = 0; channel < 3; channel++) sums[3 * to + channel] += values[from + channel];
      counts[to]++;
    }
  }
  small.values = sums.map((sum, place) => sum / counts[Math.floor(place / 3)]); // not rounded: statistics would tell
  return small;
}

function mirrored(place, length) {
  return place < length ? place : Math.max(0, 2 * (length - 1) - place);
}
