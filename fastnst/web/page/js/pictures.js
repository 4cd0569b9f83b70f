// Picture files: read, scale, save.

const MOST = 120e6; // pixels; a canvas holds no more in some browsers
const LONGEST = 16384; // pixels of a side, for the same reason

/** Decode a file or a blob, upright and in sRGB. */
export async function readPicture(file) {
  const name = file.name || "picture";
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`${name}: this browser cannot read it as a picture`);
  }
  const { width, height } = bitmap;
  if (width * height > MOST || Math.max(width, height) > LONGEST) {
    throw new Error(`${name}: ${width} × ${height} pixels are more than a browser can paint; reduce it first`);
  }
  return { bitmap, width, height, name: name.replace(/\.[^.]*$/, "") || "picture" };
}

/** Return a copy, smaller if its longer side has more than `size` pixels; 0 for as it is. */
export async function scaled({ bitmap, width, height }, size) {
  const scale = size ? Math.min(1, size / Math.max(width, height)) : 1;
  if (scale === 1) return createImageBitmap(bitmap);
  const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

/** The first picture among what was dropped or pasted. */
export function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}

/** Hand a canvas to the user as a file. */
export async function save(canvas, name, type) {
  const source = type === "image/jpeg" ? onWhite(canvas) : canvas;
  const blob = await new Promise((resolve) => source.toBlob(resolve, type, 0.95));
  if (!blob) throw new Error("this browser cannot write a picture of this size; choose a smaller one");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.${type === "image/jpeg" ? "jpg" : "png"}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60e3);
}

/** A JPEG has no transparency; what shows through is white. */
function onWhite(canvas) {
  const flat = document.createElement("canvas");
  [flat.width, flat.height] = [canvas.width, canvas.height];
  const context = flat.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, flat.width, flat.height);
  context.drawImage(canvas, 0, 0);
  return flat;
}
