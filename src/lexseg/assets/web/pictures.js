// PNG and JPEG files as values, by the rules of lexseg.scans.open: gray as float32 in 0..1, colour as uint8.

import { isPng, readPng } from "./png.js";
import { Refused } from "./refused.js";

const MOST = 200e6; // pixels

export const isPicture = (bytes) => isPng(bytes) || isJpeg(bytes);
const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** @returns {Promise<{width, height, color, values, notes}>} float32[H * W], or uint8[H * W * 3] of a colour image */
export async function readPicture(bytes) {
  try {
    return { notes: [], ...(await (isPng(bytes) ? ofPng(bytes) : ofJpeg(bytes))) };
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`the image is damaged, cut short or of an unknown kind (${error.message})`);
  }
}

async function ofPng(bytes) {
  const png = await readPng(bytes);
  const { width, height, depth, channels, palette, transparent, samples } = png;
  check(width, height);
  if (!samples) {
    if (depth === 16)
      throw new Refused("an interlaced PNG of 16 bits, which is not read here; save it without interlacing");
    const color = channels > 2 || Boolean(palette);
    return { width, height, color, values: await decoded(bytes, "image/png", color) };
  }
  const size = { width, height };
  if (palette) return { ...size, ...ofPalette(samples, palette, transparent) };
  if (channels === 1 && depth === 16) return { ...size, color: false, values: spread(samples) };
  if (channels < 3 && depth <= 8) {
    const most = 255 / (2 ** depth - 1);
    const clear = channels === 1 && transparent && depth > 1 ? (transparent[0] << 8) | transparent[1] : -1;
    const values = new Float32Array(width * height);
    for (let i = 0; i < values.length; i++) {
      const value = samples[i * channels];
      const gray = channels === 2 ? overBlack(value, samples[2 * i + 1]) : value === clear ? 0 : value * most;
      values[i] = gray / 255;
    }
    return { ...size, color: false, values };
  }
  const eight = depth === 16 ? (value) => value >> 8 : (value) => value;
  const clear =
    channels === 3 && transparent ? [0, 1, 2].map((c) => (transparent[2 * c] << 8) | transparent[2 * c + 1]) : null;
  const values = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    const alpha =
      channels % 2
        ? clear?.every((value, c) => samples[at + c] === value)
          ? 0
          : 255
        : eight(samples[at + channels - 1]);
    for (let c = 0; c < 3; c++) values[3 * i + c] = overBlack(eight(samples[at + (channels > 2 ? c : 0)]), alpha);
  }
  return { ...size, color: true, values };
}

function ofPalette(samples, palette, transparent) {
  const colour = (index) => [0, 1, 2].map((c) => overBlack(palette[3 * index + c] ?? 0, transparent?.[index] ?? 255));
  const colours = Array.from({ length: 256 }, (_, i) => colour(i));
  const gray = !transparent && colours.every(([r, g, b]) => r === g && g === b);
  if (gray) return { color: false, values: Float32Array.from(samples, (index) => colours[index][0] / 255) };
  const values = new Uint8Array(3 * samples.length);
  samples.forEach((index, i) => values.set(colours[index], 3 * i));
  return { color: true, values };
}

const overBlack = (value, alpha) => Math.floor((value * alpha + 127) / 255);

/** From the smallest to the largest value: 0 to 1. */
function spread(samples) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of samples) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return Float32Array.from(samples, (value) => (high > low ? (value - low) / (high - low) : 0));
}

async function ofJpeg(bytes) {
  const components = componentsOf(bytes);
  if (![1, 3].includes(components)) throw new Refused("a JPEG of four inks, which is not read here; save it as RGB");
  const picture = await bitmap(bytes, "image/jpeg");
  check(picture.width, picture.height);
  const color = components === 3;
  return { width: picture.width, height: picture.height, color, values: valuesOf(picture, color) };
}

/** How many components a JPEG's frame header names (ITU T.81, B.2.2). */
export function componentsOf(bytes) {
  for (let at = 2; at + 9 < bytes.length;) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) break;
    if (marker === 0xff) at += 1;
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[at + 9];
    else at += 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
  throw new Error("no frame header");
}

const bitmap = (bytes, type) =>
  createImageBitmap(new Blob([bytes], { type }), { colorSpaceConversion: "none", premultiplyAlpha: "none" });

/** What the browser decodes: of a gray picture its gray as float32 in 0..1, of another uint8[H * W * 3]. */
export async function decoded(bytes, type, color) {
  return valuesOf(await bitmap(bytes, type), color);
}

function valuesOf(picture, color) {
  const { width, height } = picture;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  picture.close();
  const { data } = context.getImageData(0, 0, width, height);
  const values = color ? new Uint8Array(3 * width * height) : new Float32Array(width * height);
  for (let i = 0; i < width * height; i++) {
    if (!color) values[i] = overBlack(data[4 * i], data[4 * i + 3]) / 255;
    else for (let c = 0; c < 3; c++) values[3 * i + c] = overBlack(data[4 * i + c], data[4 * i + 3]);
  }
  return values;
}

function check(width, height) {
  if (width * height > MOST) {
    throw new Refused(`an image of ${width} x ${height} pixels; at most ${MOST / 1e6} million are opened`);
  }
}
