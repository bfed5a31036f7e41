// PNG (ISO/IEC 15948): reading, since a canvas has eight bits a colour and no gray; and writing of masks.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export const isPng = (bytes) => SIGNATURE.every((byte, i) => bytes[i] === byte);

/**
 * The samples of a picture as they are stored.
 * @returns {Promise<{width, height, depth, channels, samples, palette, transparent, interlaced}>} samples are
 *   Uint8Array or Uint16Array; null where the picture is interlaced
 */
export async function readPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header, palette, transparent;
  const packed = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (data.length < length) break;
    if (kind === "IHDR") header = data.slice();
    else if (kind === "PLTE") palette = data.slice();
    else if (kind === "tRNS") transparent = data.slice();
    else if (kind === "IDAT") packed.push(data);
    at += 12 + length;
  }
  if (!header || header.length < 13 || !packed.length) throw new Error("cut short");
  const told = new DataView(header.buffer);
  const [width, height, depth, kind] = [told.getUint32(0), told.getUint32(4), header[8], header[9]];
  const channels = CHANNELS[kind];
  if (!channels || !width || !height || ![1, 2, 4, 8, 16].includes(depth)) throw new Error("of an unknown kind");
  const about = { width, height, depth, channels, palette: kind === 3 ? palette : null, transparent };
  if (header[12]) return { ...about, samples: null, interlaced: true };
  const stream = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  return { ...about, samples: unfiltered(raw, about), interlaced: false };
}

function unfiltered(raw, { width, height, depth, channels }) {
  const row = Math.ceil((width * channels * depth) / 8);
  const step = Math.max(1, (channels * depth) >> 3);
  if (raw.length < (row + 1) * height) throw new Error("cut short");
  const bytes = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    const [from, to] = [y * (row + 1) + 1, y * row];
    const filter = raw[from - 1];
    if (filter > 4) throw new Error("damaged");
    for (let x = 0; x < row; x++) {
      const left = x >= step ? bytes[to + x - step] : 0;
      const up = y ? bytes[to + x - row] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) guess = paeth(left, up, y && x >= step ? bytes[to + x - row - step] : 0);
      bytes[to + x] = raw[from + x] + guess;
    }
  }
  if (depth === 8) return bytes;
  const out = depth === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width * channels; x++, i++) {
      const at = y * row;
      if (depth === 16) out[i] = (bytes[at + 2 * x] << 8) | bytes[at + 2 * x + 1];
      else out[i] = (bytes[at + ((x * depth) >> 3)] >> (8 - depth - ((x * depth) & 7))) & ((1 << depth) - 1);
    }
  }
  return out;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** A mask as a gray picture of 0 and 255. */
export async function writePng(mask, width, height) {
  const raw = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) raw[y * (width + 1) + 1 + x] = mask[y * width + x] ? 255 : 0;
  }
  const stream = new Blob([raw]).stream().pipeThrough(new CompressionStream("deflate"));
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8; // bits; of gray
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  const chunks = [chunk("IHDR", header), chunk("IDAT", packed), chunk("IEND", new Uint8Array())];
  return new Blob([new Uint8Array(SIGNATURE), ...chunks], { type: "image/png" });
}

function chunk(kind, data) {
  const out = new Uint8Array(data.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(
    [...kind].map((letter) => letter.charCodeAt(0)),
    4,
  );
  out.set(data, 8);
  view.setUint32(data.length + 8, crc(out.subarray(4, data.length + 8)));
  return out;
}

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}
