// The picture, in one pane or in two that move together: frame, window, zoom, masks.

import { $ } from "./dom.js";
import { corners, drawBefore, drawCursor, drawMask, drawNumber, drawStroke, sideLetters, spokenPicture } from "./drawing.js";
import { Frames } from "./frames.js";
import { rings } from "./found.js";
import { changed, findingOf, isVolume, listed, on, state } from "./state.js";
import { firstWindow, paint } from "./window.js";

const MOST = 64; // screen pixels an image pixel
const SIGHT = 16; // CSS pixels from the edge of a pane to what must be seen

class Viewer {
  panes = [...document.querySelectorAll(".pane")].map((element) => ({
    element,
    name: element.dataset.pane,
    canvas: element.querySelector("canvas"),
    sides: [element.querySelector(".west"), element.querySelector(".east")],
    corners: Object.fromEntries(["nw", "sw", "se"].map((corner) => [corner, element.querySelector(`.${corner}`)])),
  }));
  #base = document.createElement("canvas"); // the frame, windowed
  #picture = null;
  #frames = null;
  #values = null; // of the frame that is shown
  #scheduled = 0;
  #fitted = true;
  onError = () => {};
  view = { scale: 1, x: 0, y: 0 }; // screen pixels an image column; the image point in a pane's middle
  stroke = null; // what is being painted: {points, radius, wanted, keyed}
  cursor = null; // {x, y}: where keys have led what draws, in image pixels
  pointed = null; // {x, y}: the pixel under the pointer

  constructor() {
    const seen = new ResizeObserver(() => (this.#fitted ? this.fit() : this.draw()));
    for (const { canvas } of this.panes) seen.observe(canvas);
    on("frame", () => this.#show());
    on("window", () => this.#paint());
    on("view findings compare side", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** How much taller than wide a pixel is. */
  get aspect() {
    const [row, column] = state.image?.spacing ?? [1, 1];
    return Math.min(10, Math.max(0.1, row / column));
  }

  open(image) {
    this.#frames?.stop();
    this.#values = null;
    this.#frames = image ? new Frames(image) : null;
    if (!image) return this.draw();
    Object.assign(this.#base, { width: image.width, height: image.height });
    const context = this.#base.getContext("2d");
    this.#picture = context.createImageData(image.width, image.height);
    state.window = firstWindow(image);
    this.fit();
    changed("window", "frame");
  }

  async #show() {
    const { image, frame } = state;
    if (!image || !this.#frames) return;
    const frames = this.#frames;
    try {
      const values = await frames.get(frame);
      if (frames !== this.#frames || frame !== state.frame) return; // another is wanted by now
      this.#values = values;
      this.#paint();
      if (isVolume()) frames.around(frame);
    } catch (error) {
      if (error.name !== "AbortError" && frames === this.#frames) this.onError(error);
    }
  }

  #paint() {
    if (this.#values) {
      paint(this.#values, state.window, Boolean(state.image.inverted), new Uint32Array(this.#picture.data.buffer));
      this.#base.getContext("2d").putImageData(this.#picture, 0, 0);
    }
    this.draw();
  }

  /** The value under an image point: a number, or [r, g, b]; null outside. */
  valueAt({ x, y }) {
    const { width, height, color } = state.image;
    if (!this.#values || x < 0 || y < 0 || x >= width || y >= height) return null;
    const i = y * width + x;
    return color ? [...this.#values.subarray(3 * i, 3 * i + 3)] : this.#values[i];
  }

  size(canvas = this.panes[0].canvas) {
    return { width: canvas.clientWidth, height: canvas.clientHeight };
  }

  fit() {
    this.#fitted = true;
    const { image } = state;
    if (!image) return;
    const { width, height } = this.size();
    this.view = {
      scale: Math.max(0.001, Math.min(width / image.width, height / (image.height * this.aspect))),
      x: image.width / 2,
      y: image.height / 2,
    };
    changed("view");
  }

  one() {
    this.zoomTo(1 / devicePixelRatio);
  }

  zoomBy(factor, point) {
    this.zoomTo(this.view.scale * factor, point);
  }

  /** Zooms about a point of a pane, {x, y} in CSS pixels; its middle where none is given. */
  zoomTo(scale, point) {
    if (!state.image) return;
    const { width, height } = this.size();
    const at = point ?? { x: width / 2, y: height / 2 };
    const before = this.toImage(at);
    const least = Math.min(1, 32 / Math.max(state.image.width, state.image.height));
    this.view.scale = Math.min(MOST, Math.max(least, scale));
    const after = this.toImage(at);
    this.#fitted = false;
    this.#centre(this.view.x + before.x - after.x, this.view.y + before.y - after.y);
  }

  panBy(dx, dy) {
    this.#fitted = false;
    this.#centre(this.view.x - dx / this.view.scale, this.view.y - dy / (this.view.scale * this.aspect));
  }

  #centre(x, y) {
    const { image } = state;
    if (!image) return;
    this.view.x = Math.min(image.width, Math.max(0, x)); // some of it stays in sight
    this.view.y = Math.min(image.height, Math.max(0, y));
    changed("view");
  }

  toImage({ x, y }) {
    const { width, height } = this.size();
    return {
      x: this.view.x + (x - width / 2) / this.view.scale,
      y: this.view.y + (y - height / 2) / (this.view.scale * this.aspect),
    };
  }

  /** Moves the picture, where it must, until an image point is in sight. */
  bringIntoSight({ x, y }) {
    const { width, height } = this.size();
    const { scale } = this.view;
    const beyond = (far, size) => Math.sign(far) * Math.max(0, Math.abs(far) - Math.max(0, size / 2 - SIGHT));
    const dx = beyond((x - this.view.x) * scale, width);
    const dy = beyond((y - this.view.y) * scale * this.aspect, height);
    if (dx || dy) this.panBy(-dx, -dy);
  }

  draw() {
    this.#scheduled ||= requestAnimationFrame(() => {
      this.#scheduled = 0;
      for (const pane of this.panes) if (!pane.element.hidden) this.#drawPane(pane);
    });
  }

  #drawPane(pane) {
    const { canvas, name } = pane;
    const { image, compare } = state;
    const { width, height } = this.size(canvas);
    const dots = devicePixelRatio;
    const [w, h] = [Math.round(width * dots), Math.round(height * dots)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, w, h);
    if (!image) return;
    const sx = this.view.scale * dots;
    const sy = sx * this.aspect;
    context.setTransform(sx, 0, 0, sy, w / 2 - this.view.x * sx, h / 2 - this.view.y * sy);
    context.imageSmoothingEnabled = sx < 6;
    context.imageSmoothingQuality = sx < 1 ? "high" : "low";
    context.drawImage(this.#base, 0, 0);
    const shown = compare ? [findingOf(compare[name])] : listed().filter((finding) => finding.visible);
    const masks = state.shown ? shown.filter(Boolean) : [];
    const found = masks
      .map((finding) => [finding, rings(finding, state.frame, () => this.draw())])
      .filter(([, there]) => there);
    for (const [{ colour, key }, { path }] of found) {
      drawMask(context, path, { colour, opacity: state.opacity, chosen: key === state.chosen && !compare, dots });
    }
    for (const { colour, corrections, frame } of compare ? [] : masks) {
      if (corrections?.before && frame === state.frame) drawBefore(context, corrections.before, { colour, dots });
    }
    for (const scribble of compare ? [] : state.scribbles) {
      if (scribble.frame === state.frame) drawStroke(context, scribble);
    }
    if (this.stroke && !compare) drawStroke(context, this.stroke);
    if (this.cursor && !compare) drawCursor(context, this.cursor, { down: Boolean(this.stroke), dots });
    const written = [];
    for (const [{ number, colour }, there] of found.length > 1 ? found : []) {
      drawNumber(context, there.rings, { number, colour, dots, written });
    }
    this.#write(pane);
  }

  #write(pane) {
    const { image, window, frame } = state;
    const value = this.pointed && this.valueAt(this.pointed);
    const texts = corners(image, window, frame, value === null ? null : { ...this.pointed, value });
    for (const [corner, text] of Object.entries(texts)) {
      pane.corners[corner].textContent = pane.name === "a" || corner === "nw" ? text : "";
    }
    sideLetters(image).forEach((letter, i) => (pane.sides[i].textContent = letter));
    const about = spokenPicture(image, window, frame);
    if (pane.canvas.getAttribute("aria-label") !== about) pane.canvas.setAttribute("aria-label", about);
    $("zoom").textContent = `${Math.round(100 * this.view.scale * devicePixelRatio)} %`;
  }
}

export const viewer = new Viewer();
