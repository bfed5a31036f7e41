// What answers the page: the page itself. No pixel and no word leaves this computer.

import { trace } from "./masks.js";
import { writePng } from "./png.js";
import { Refusal } from "./refusal.js";
import { newKey } from "./state.js";

/** What this back end does beside answering about one image. */
export const CAN = { correct: false, folders: false, slices: false, seg: false };

/** Where the image goes and what may be opened. */
export const SAYS = {
  where: "The image stays on this computer: this page works without a server.",
  opens: "Drop a PNG, a JPEG or a DICOM file of one image here.",
};

/** Nobody asks for a token. */
export function tokenFrom() {}

const results = new Map(); // id -> {image, values, mask}
const waiting = new Map(); // number -> {resolve, reject}
let last = 0;

// by way of a blob, so that the page's policy holds for the worker too
const start = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
const worker = new Worker(URL.createObjectURL(new Blob([start], { type: "text/javascript" })), { type: "module" });
worker.addEventListener("message", ({ data: { number, said, refused } }) => {
  const { resolve, reject } = waiting.get(number);
  waiting.delete(number);
  if (refused === undefined) resolve(said);
  else reject(new Refusal("unusable", `${refused[0].toUpperCase()}${refused.slice(1)}.`, 422));
});
worker.addEventListener("error", (event) => {
  event.preventDefault();
  const why = "A part of this page cannot be loaded: copy the whole folder again, or take a newer browser.";
  for (const { reject } of waiting.values()) reject(new Refusal("broken", why));
  waiting.clear();
  broken = new Refusal("broken", why);
});
let broken = null;

function ask(what, values, transfer = []) {
  if (broken) return Promise.reject(broken);
  return new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    worker.postMessage({ number: last, what, ...values }, transfer);
  });
}

/** Opens one file. */
export async function upload(_path, files, { spacing }, { progress, signal }) {
  if (files.length !== 1) {
    throw new Refusal("several", "This page opens one image at a time; a LexSeg server opens series and volumes.");
  }
  progress(null);
  const bytes = await files[0].arrayBuffer().catch(() => {
    throw new Refusal("unreadable", "The file cannot be read; was it moved, or is it a folder?");
  });
  const opened = await ask("open", { bytes, spacing: spacing?.split(",").map(Number) }, [bytes]);
  if (signal.aborted) {
    forget(opened.id);
    throw new DOMException("cancelled", "AbortError");
  }
  return opened;
}

/** A request as a server takes it; resolves to a Response. */
export async function send(method, path, { json } = {}) {
  const [, id, what] = /^\/?v1\/(?:images|results)\/([^/?]+)\/?([^?]*)/.exec(path) ?? [];
  if (path === "capabilities") return about();
  if (method === "DELETE") return new Response(forget(id), { status: 204 });
  if (what === "frames/0/values") return new Response(await ask("values", { image: id }));
  if (what === "segment") {
    const said = await ask("segment", { image: id, asked: json });
    return Response.json({ results: said.map((each) => kept(id, json.frame, each)) });
  }
  const result = results.get(id);
  if (result && what === "mask.png") return new Response(await writePng(result.mask, result.width, result.height));
  if (result && what === "result.json") return Response.json(result.values);
  throw new Refusal("gone", "There is no such thing any more.", 404);
}

async function about() {
  const response = await fetch(new URL("capabilities.json", import.meta.url)).catch(() => null);
  if (!response?.ok) throw new Refusal("broken", "capabilities.json is missing; copy the folder again.");
  return response;
}

/** Keeps a result of an image, and tells it as a server does. */
function kept(image, frame, { number, finding, told, mask, width, height }) {
  const id = newKey();
  const values = { id, number, finding, frame, ...told };
  results.set(id, { image, mask, width, height, values });
  return {
    ...values,
    polygons: told.found ? trace(mask, width, height) : [],
    links: { mask: `/v1/results/${id}/mask.png`, json: `/v1/results/${id}/result.json` },
  };
}

function forget(image) {
  for (const [id, result] of results) if (result.image === image) results.delete(id);
  ask("close", { image }).catch(() => {});
  return null;
}
