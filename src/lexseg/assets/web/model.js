// The model: its graphs run by ONNX Runtime, its words read by its tokenizer, its rules by LexSeg's own Python.

import * as ort from "./runtime/ort.js";
import { loadPyodide } from "./runtime/pyodide/pyodide.mjs";
import { Tokenizer } from "./runtime/tokenizers.js";
import { Lacking, Refused } from "./refused.js";
import { Scope, tensorsOf } from "./scope.js";
import { givenPresent, probability } from "./stretch.js";

const here = (path) => new URL(path, import.meta.url).href;
const KEPT = 64; // sentences whose states are kept
const FOUND = 0.5; // of the network's logit of presence, before it is calibrated

export class Model {
  #states = new Map(); // sentence -> Float32Array, least recently used first; in memory only
  #text = null; // the text encoder, as a promise, once a sentence needs it
  #plain = {}; // sentence -> {data}, of those that need none

  /** @param {object} about of `rules.json` */
  static async load(about) {
    const model = new Model();
    model.about = about;
    const [scope, tokenizer, plain] = await Promise.all([
      about.files["scope.safetensors"] ? bytesOf(about, "scope.safetensors") : null,
      about.reader ? bytesOf(about, "tokenizer.json") : null,
      about.files["plain.safetensors"] ? bytesOf(about, "plain.safetensors") : null,
    ]);
    if (plain) model.#plain = tensorsOf(plain);
    model.scope =
      scope && about.worlds
        ? new Scope(
            tensorsOf(scope),
            about.worlds.map(({ name }) => name),
          )
        : null;
    model.tokenizer = tokenizer && new Tokenizer(JSON.parse(new TextDecoder().decode(tokenizer)), {});
    ort.env.wasm.wasmPaths = { wasm: here("runtime/ort.wasm") };
    ort.env.wasm.numThreads = 1; // a plain server does not isolate the page, as several would need
    ort.env.logLevel = "error";
    const rules = rulesOf(about, (text, special) => model.#ids(text, special)); // fetched while graphs are made ready
    rules.catch(() => {}); // told below, if no graph has failed before
    model.image = await graph(about, "image_encoder.onnx");
    model.decoder = await graph(about, "decoder.onnx");
    if (about.reader && !plain) await model.#encoder();
    Object.assign(model, await rules);
    return model;
  }

  #ids(text, special) {
    return Array.from(this.tokenizer.encode(text, { add_special_tokens: special }).ids, Number);
  }

  /** The text encoder's graph, by far the largest: fetched once, when it is first needed; tried again if that fails. */
  #encoder() {
    this.#text ??= graph(this.about, "text_encoder.onnx").catch((error) => {
      this.#text = null;
      throw error;
    });
    return this.#text;
  }

  /** One of the rules of lexseg.export.in_browser. */
  ask(name, values) {
    const said = JSON.parse(this.rules.call(name, JSON.stringify(values)));
    if (said?.error) throw new Refused(said.error);
    return said;
  }

  /** @param {Float32Array} input 3 * H * W  @returns what the words do not touch, by name, and where the image lies */
  async look(input) {
    const [height, width] = this.about.size;
    const said = await this.image.run({ image: new ort.Tensor("float32", input, [1, 3, height, width]) });
    const maps = this.image.outputNames.filter((name) => name.startsWith("map_")).map((name) => said[name]);
    return { features: said, known: this.scope?.image(maps) ?? null };
  }

  /** Where words lie in what the model has learnt; those with slips of the hand by what was meant. */
  async knownWords({ judging, judged, meant, told }) {
    if (!this.scope || !judging) return null;
    if (told) return told;
    const width = this.about.reader?.width;
    const of = async (words) => this.scope.words(words && this.about.reader ? await this.#read(words) : null, width);
    const own = await of(judged);
    if (own.known || meant === judged) return own;
    const other = await of(meant);
    return other.known ? other : own;
  }

  /**
   * Asks the network.
   * @returns {{where: Float32Array, presence: number|null}} probabilities of pixels at the image's size; calibrated
   */
  async answer(features, text, size, namesPlace) {
    const own = this.about.size;
    const given = { ...features, ...(await this.#words(text)) };
    given.names_place = new ort.Tensor("bool", Uint8Array.of(namesPlace ? 1 : 0), [1]);
    const wanted = Object.fromEntries(this.decoder.inputNames.map((name) => [name, given[name]]));
    const said = await this.decoder.run(wanted);
    const where = probability(said.logits.data, own, size);
    if (!said.presence) return { where, presence: null };
    const { scale, bias, threshold, peak } = this.about.presence;
    const presence = 1 / (1 + Math.exp(-(said.presence.data[0] * scale + bias)));
    const lifted = peak !== undefined && presence >= (threshold ?? FOUND);
    return { where: lifted ? givenPresent(where, peak) : where, presence };
  }

  /** States, zero where there is no sentence, and which tokens and sentences there are. */
  async #words(text) {
    if (!this.about.reader) return {};
    const { width } = this.about.reader;
    const row = text ? await this.#read(text) : new Float32Array();
    const length = Math.max(1, row.length / width);
    const states = new Float32Array(length * width);
    states.set(row);
    const mask = new Uint8Array(length).fill(1, 0, row.length / width);
    return {
      states: new ort.Tensor("float32", states, [1, length, width]),
      attention_mask: new ort.Tensor("bool", mask, [1, length]),
      is_null: new ort.Tensor("bool", Uint8Array.of(text ? 0 : 1), [1]),
    };
  }

  /** The states of one sentence, L * D; never padded, as they are read everywhere. */
  async #read(text) {
    const sentence = text.trim().split(/\s+/).join(" ");
    if (Object.hasOwn(this.#plain, sentence)) return this.#plain[sentence].data;
    let states = this.#states.get(sentence);
    this.#states.delete(sentence);
    if (!states) {
      const ids = BigInt64Array.from(this.#ids(sentence, true), BigInt);
      const text = await this.#encoder();
      const said = await text.run({
        input_ids: new ort.Tensor("int64", ids, [1, ids.length]),
        attention_mask: new ort.Tensor("bool", new Uint8Array(ids.length).fill(1), [1, ids.length]),
      });
      states = said[text.outputNames[0]].data.slice();
    }
    this.#states.set(sentence, states);
    if (this.#states.size > KEPT) this.#states.delete(this.#states.keys().next().value);
    return states;
  }
}

async function graph(about, name) {
  const content = await bytesOf(about, name);
  try {
    return await ort.InferenceSession.create(new Uint8Array(content), { executionProviders: ["wasm"] });
  } catch (error) {
    throw new Lacking(
      `model/${name} cannot be run here (${String(error.message ?? error).split("\n")[0]}); export the model again`,
    );
  }
}

async function rulesOf(about, ids) {
  const python = await loadPyodide({ indexURL: here("runtime/pyodide/") });
  python.unpackArchive(await bytesOf(about, "../rules.zip"), "zip", { extractDir: "/rules" });
  python.runPython("import sys; sys.path.insert(0, '/rules')");
  const { Rules, digest } = python.pyimport("lexseg.export.in_browser");
  return { rules: Rules(JSON.stringify(about), ids), digest };
}

/** A file of the model's folder, of the size that it was written with. */
async function bytesOf(about, name) {
  const told = `${new URL(name, here("model/")).pathname.split("/").slice(-2).join("/")}`;
  const response = await fetch(here(`model/${name}`)).catch(() => null);
  if (!response?.ok) throw new Lacking(`${told} is missing; copy the folder again`);
  const content = await response.arrayBuffer();
  const expected = about.files[name];
  if (expected !== undefined && content.byteLength !== expected) {
    throw new Refused(
      `${told} is damaged: ${content.byteLength} bytes, ${expected} were expected; copy the folder again`,
    );
  }
  return content;
}
