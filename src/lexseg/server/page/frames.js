// The values of frames: fetched once, kept within bounds, those next to the shown one fetched ahead.

import { request } from "./api.js";

const KEPT = 256 * 2 ** 20; // bytes

export class Frames {
  #image;
  #kept = new Map(); // frame -> Float32Array | Uint8Array, least recently used first
  #bytes = 0;
  #under = new Map(); // frame -> {promise, abort}

  constructor(image) {
    this.#image = image;
  }

  /** What is here already, or undefined. */
  here(frame) {
    const values = this.#kept.get(frame);
    if (values) {
      this.#kept.delete(frame);
      this.#kept.set(frame, values);
    }
    return values;
  }

  /** float32[H * W] in the image's own units, or uint8[H * W * 3] of a colour image. */
  async get(frame) {
    const values = this.here(frame);
    if (values) return values;
    let fetching = this.#under.get(frame);
    if (!fetching) {
      const abort = new AbortController();
      fetching = { abort, promise: this.#fetch(frame, abort.signal).finally(() => this.#under.delete(frame)) };
      this.#under.set(frame, fetching);
    }
    return fetching.promise;
  }

  /** Fetches the neighbours, and gives up those that are far away. */
  around(frame) {
    for (const [other, { abort }] of this.#under) if (Math.abs(other - frame) > 3) abort.abort();
    for (const step of [1, -1, 2]) {
      const other = frame + step;
      if (other >= 0 && other < this.#image.frames) this.get(other).catch(() => {});
    }
  }

  stop() {
    for (const { abort } of this.#under.values()) abort.abort();
    this.#kept.clear();
  }

  async #fetch(frame, signal) {
    const { id, color, height, width } = this.#image;
    const bytes = await (await request("GET", `v1/images/${id}/frames/${frame}/values`, { signal })).arrayBuffer();
    const values = color ? new Uint8Array(bytes) : new Float32Array(bytes);
    if (values.length !== height * width * (color ? 3 : 1)) throw new Error("The server sent a frame of another size.");
    this.#kept.set(frame, values);
    this.#bytes += bytes.byteLength;
    for (const [old, { byteLength }] of this.#kept) {
      if (this.#bytes <= KEPT || old === frame) break;
      this.#kept.delete(old);
      this.#bytes -= byteLength;
    }
    return values;
  }
}
