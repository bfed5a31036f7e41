// How far words and images lie from what the model was trained on: the numbers
// of lexseg.models.scope. What follows from them is decided by lexseg.models.config.

/** The arrays of a safetensors file, by name, as {data, shape}: eight bytes, a header as JSON, and the numbers. */
export function tensorsOf(buffer) {
  const size = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)));
  const found = {};
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [from, to],
    },
  ] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const bytes = buffer.slice(8 + size + from, 8 + size + to);
    const read = { F32: (b) => new Float32Array(b), F64: (b) => new Float64Array(b), F16: halves };
    found[name] = { shape, data: (read[dtype] ?? ((b) => Array.from(new BigInt64Array(b), Number)))(bytes) };
  }
  return found;
}

function halves(bytes) {
  return Float32Array.from(new Uint16Array(bytes), (bits) => {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return exponent === 31 ? (fraction ? NaN : sign * Infinity) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** The error function, by Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26 (off by 1.5e-7 at most). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

const unit = (vector) => {
  const length = Math.max(Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)), 1e-12);
  return vector.map((value) => value / length);
};

export class Scope {
  /** @param {object} tensors of `scope.safetensors`  @param {string[]} names of the worlds, in order */
  constructor(tensors, names) {
    this.names = names;
    const part = (of) =>
      Object.fromEntries(
        Object.entries(tensors)
          .filter(([name]) => name.startsWith(`${of}.`))
          .map(([name, tensor]) => [name.slice(of.length + 1), tensor]),
      );
    const [words, images] = [part("words"), part("images")];
    this.judgesWords = Object.keys(words).length > 0;
    this.judgesImages = Object.keys(images).length > 0;
    Object.assign(this, { ofWords: words, ofImages: images });
  }

  /** @param {Float32Array|null} states of one sentence, L * D */
  words(states, width) {
    if (!this.judgesWords || !states) return { known: true, worlds: {}, distance: 0 };
    const w = this.ofWords;
    const features = sentenceFeatures(states, width);
    const inputs = features.map((value, i) => (value - w.shift.data[i]) / w.scale.data[i]);
    const hidden = times(w["hidden.weight"], inputs).map((value, i) => {
      const before = value + w["hidden.bias"].data[i];
      return before * (0.5 + 0.5 * erf(before / Math.SQRT2)); // GELU
    });
    const scores = times(w["out.weight"], hidden).map(
      (value, i) => 1 / (1 + Math.exp(-(value + w["out.bias"].data[i]))),
    );
    const mean = unit(features.slice(0, width));
    const nearest = Math.max(...times(w.bank, mean));
    return {
      known: Math.max(...scores) >= 0.5,
      worlds: Object.fromEntries(this.names.map((name, i) => [name, scores[i]])),
      distance: 1 - nearest,
    };
  }

  /** @param {{data: Float32Array, dims: number[]}[]} maps of one image */
  image(maps) {
    if (!this.judgesImages) return { known: true, world: null, distance: 0 };
    const { shift, project, bank, world, radius, neighbours, space } = this.ofImages;
    const features = pooled(maps);
    const k = project.shape[1];
    const point = new Float64Array(k);
    features.forEach((value, i) => {
      const from = value - shift.data[i];
      for (let j = 0; j < k; j++) point[j] += from * project.data[i * k + j];
    });
    const worlds = radius.shape.at(-1);
    const spaces = radius.data.length / worlds;
    // [space][world][training image]
    const apart = Array.from({ length: spaces }, () => Array.from({ length: worlds }, () => []));
    for (let n = 0; n < bank.shape[0]; n++) {
      const sums = new Array(spaces).fill(0);
      for (let j = 0; j < k; j++) sums[space?.data[j] ?? 0] += (bank.data[n * k + j] - point[j]) ** 2;
      sums.forEach((sum, s) => apart[s][world.data[n]].push(Math.sqrt(sum)));
    }
    const nth = (all) => all.sort((a, b) => a - b)[Math.min(neighbours.data[0], all.length) - 1];
    const distances = this.names.map((_, w) =>
      Math.max(...apart.map((of, s) => nth(of[w]) / radius.data[s * worlds + w])),
    );
    const distance = Math.min(...distances);
    const known = distance <= 1;
    return { known, world: known ? this.names[distances.indexOf(distance)] : null, distance };
  }
}

/** A matrix, row after row, times a vector. */
function times({ data, shape: [rows, columns] }, vector) {
  return Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let i = 0, at = row * columns; i < columns; i++) sum += data[at + i] * vector[i];
    return sum;
  });
}

/** The mean of a sentence's token states, of length sqrt(D), and the maxima and minima of its words': float[3 D]. */
function sentenceFeatures(states, width) {
  const length = states.length / width;
  // the first and the last are special ones
  const [first, last] = length > 2 ? [1, length - 1] : [0, length];
  const sums = new Array(width).fill(0);
  const [highest, lowest] = [new Array(width).fill(-Infinity), new Array(width).fill(Infinity)];
  for (let token = 0; token < length; token++) {
    for (let i = 0; i < width; i++) {
      const value = states[token * width + i];
      sums[i] += value;
      if (token < first || token >= last) continue;
      if (value > highest[i]) highest[i] = value;
      if (value < lowest[i]) lowest[i] = value;
    }
  }
  return [...unit(sums).map((value) => value * Math.sqrt(width)), ...highest, ...lowest];
}

/** The mean and the spread of every channel of every map. */
function pooled(maps) {
  return maps.flatMap(({ data, dims }) => {
    const [channels, size] = [dims[1], dims.slice(2).reduce((a, b) => a * b, 1)];
    const [means, spreads] = [[], []];
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = c * size; i < (c + 1) * size; i++) sum += data[i];
      const mean = sum / size;
      let squares = 0;
      for (let i = c * size; i < (c + 1) * size; i++) squares += (data[i] - mean) ** 2;
      means.push(mean);
      spreads.push(Math.sqrt(squares / size));
    }
    return [...means, ...spreads];
  });
}
