// Masks as paths in image coordinates: sharp at any zoom, and countable.

import { request } from "./api.js";

/** A Path2D of rings [[[x, y], ...], ...], outer ones and holes, to be filled by the even-odd rule. */
export function pathOf(rings) {
  const path = new Path2D();
  for (const ring of rings) {
    ring.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
  }
  return path;
}

/**
 * The rings around the set pixels of a mask, along pixel edges.
 * @param {Uint8Array} set one a pixel, H * W, other than 0 where set
 */
export function trace(set, width, height) {
  const from = new Map(); // vertex -> vertices that edges lead to, the set pixel at their right
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && set[y * width + x] !== 0;
  const edge = (x0, y0, x1, y1) => {
    const key = y0 * (width + 1) + x0;
    const ends = from.get(key);
    if (ends) ends.push([x1, y1]);
    else from.set(key, [[x1, y1]]);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!set[y * width + x]) continue;
      if (!at(x, y - 1)) edge(x, y, x + 1, y);
      if (!at(x + 1, y)) edge(x + 1, y, x + 1, y + 1);
      if (!at(x, y + 1)) edge(x + 1, y + 1, x, y + 1);
      if (!at(x - 1, y)) edge(x, y + 1, x, y);
    }
  }
  const rings = [];
  for (const [key] of from) {
    while (from.get(key)?.length) {
      const ring = [];
      let vertex = key;
      while (from.get(vertex)?.length) {
        const [x, y] = from.get(vertex).pop();
        const n = ring.length;
        const straight =
          n > 1 && ((ring[n - 1][0] === x && ring[n - 2][0] === x) || (ring[n - 1][1] === y && ring[n - 2][1] === y));
        if (straight) ring[n - 1] = [x, y];
        else ring.push([x, y]);
        vertex = y * (width + 1) + x;
      }
      rings.push(ring);
    }
  }
  return rings;
}

/** The rings of a mask that the server gives as a picture. */
export async function fetchRings(path, width, height) {
  const picture = await createImageBitmap(await (await request("GET", path)).blob());
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const set = new Uint8Array(width * height);
  for (let i = 0; i < set.length; i++) set[i] = data[4 * i] > 127 ? 1 : 0;
  return trace(set, width, height);
}

/** Area and middle of rings, holes taken off: {area, x, y} in pixels. */
export function middle(rings) {
  let area = 0,
    x = 0,
    y = 0;
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i++) {
      const [x0, y0] = ring[i];
      const [x1, y1] = ring[(i + 1) % ring.length];
      const cross = x0 * y1 - x1 * y0;
      area += cross / 2;
      x += ((x0 + x1) * cross) / 6;
      y += ((y0 + y1) * cross) / 6;
    }
  }
  return area === 0 ? { area: 0, x: 0, y: 0 } : { area: Math.abs(area), x: x / area, y: y / area };
}

/** How many pixels each of two paths has, and both together: {a, b, shared}. */
export function overlap(a, b, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const count = () => {
    const { data } = context.getImageData(0, 0, width, height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) n += data[i] > 127;
    return n;
  };
  const fill = (path) => {
    context.clearRect(0, 0, width, height);
    context.fill(path, "evenodd");
    return count();
  };
  const first = fill(a);
  const second = fill(b);
  context.globalCompositeOperation = "source-in"; // b is there; of a, what lies on it stays
  context.fill(a, "evenodd");
  return { a: first, b: second, shared: count() };
}
