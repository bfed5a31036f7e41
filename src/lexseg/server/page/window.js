// Window and level: from the frame's values to gray, in the browser, so that it follows the hand.

/**
 * Paints a frame.
 * @param {Float32Array|Uint8Array} values float32[H * W], or uint8[H * W * 3] of a colour image, which has no window
 * @param {{width: number, level: number}} window in the values' units
 * @param {boolean} inverted whether high values are dark (MONOCHROME1)
 * @param {Uint32Array} pixels uint32[H * W], filled with opaque gray or colour
 */
export function paint(values, { width, level }, inverted, pixels) {
  const n = pixels.length;
  if (values.length === 3 * n) {
    for (let i = 0, j = 0; i < n; i++, j += 3)
      pixels[i] = 0xff000000 | (values[j + 2] << 16) | (values[j + 1] << 8) | values[j];
    return;
  }
  const low = level - width / 2;
  const scale = 255 / width;
  const flip = inverted ? 255 : 0;
  for (let i = 0; i < n; i++) {
    let gray = (values[i] - low) * scale;
    gray = (gray > 255 ? 255 : gray > 0 ? gray + 0.5 : 0) | 0; // what is no number is black
    gray ^= flip; // 255 - gray
    pixels[i] = 0xff000000 | (gray << 16) | (gray << 8) | gray;
  }
}

/** Of a picture 0..1, whatever is in it: as the model sees it. */
const wholeRange = (image) => (image.format === "image" ? [0, 1] : image.range);

/** The window an image opens with: its own first, else all its values. */
export function firstWindow(image) {
  if (image.window) return { width: image.window.width, level: image.window.level };
  const [low, high] = wholeRange(image);
  return { width: Math.max(high - low, 1e-6), level: (low + high) / 2 };
}

/** Presets to choose from: [{name, width, level}], the image's own, then all its values. */
export function presets(image) {
  const all = (image.windows ?? []).map((window, i) => ({ ...window, name: window.name || `Window ${i + 1}` }));
  const [low, high] = wholeRange(image);
  if (high > low) all.push({ name: "All values", width: high - low, level: (low + high) / 2 });
  return all;
}

/** How far the sliders go: {widthMax, low, high}, and the step that one key press makes. */
export function limits(image) {
  const [low, high] = wholeRange(image);
  const first = firstWindow(image);
  const span = Math.max(high - low, first.width);
  return {
    low: Math.min(low, first.level - first.width / 2),
    high: Math.max(high, first.level + first.width / 2),
    widthMax: span,
    smallest: span / 1000,
    step: first.width / 40,
  };
}

/** By how much values are multiplied to be told: a picture's 0..1 are told as per cent. */
export const factor = (image) => (image.format === "image" ? 100 : 1);

/** What values are told in. */
export const unitOf = (image) => (image.format === "image" ? " %" : image.modality === "CT" ? " HU" : "");

/** A value, as long as the image's range needs it: 40, -612, 0.453. */
export function told(value, image) {
  const [low, high] = image.range;
  const span = (high - low) * factor(image);
  return Number((value * factor(image)).toFixed(span >= 100 ? 0 : span >= 10 ? 1 : 3));
}
