// What the page knows. It lives in memory only: nothing is stored in the browser, and no sentence goes into an address.

export const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2"];

export const state = {
  capabilities: null,
  image: null, // as the server describes it
  files: [], // what was opened, to open it again where the server has let it go
  name: "",
  frame: 0,
  window: { width: 1, level: 0.5 },
  findings: [], // also those whose wording was changed since ("replaced")
  chosen: null, // key of a finding
  scribbles: [], // to teach by, of this image: {points, radius, wanted, frame}
  opacity: 0.35,
  shown: true,
  compare: null, // {a, b}: keys of findings
  side: "image", // whose left "left" is: what the user has chosen
  sideSaid: false, // whether the file or the user says so; else it is taken for granted, and asked about
};

const listeners = new Map();

/** Calls back whenever `what` has changed: "image", "frame", "window", "findings", "view", "compare", "side". */
export function on(what, listener) {
  for (const name of what.split(" ")) listeners.set(name, [...(listeners.get(name) ?? []), listener]);
}

export function changed(...what) {
  for (const listener of new Set(what.flatMap((name) => listeners.get(name) ?? []))) listener();
}

let lastKey = 0;

/** Whether a sentence names left or right, in a picture of which neither the file nor the user says whose they are. */
export function sideTakenIn(sentence, language) {
  if (state.sideSaid || !state.image) return false;
  const words = state.capabilities?.languages?.find(({ code }) => code === language)?.sides ?? [];
  const named = sentence.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{M}]+/gu) ?? [];
  return named.some((word) => words.includes(word));
}

/** Letters by chance. */
export const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A finding that waits for its answer. `frames` is [first, last], both included; null asks about one frame. */
export function newFinding(
  sentence,
  { frame = state.frame, frames = null, before = null, negated = false, anyway = false, language = "en" } = {},
) {
  const number = before?.number ?? 1 + Math.max(0, ...state.findings.map((finding) => finding.number));
  return {
    key: ++lastKey,
    number,
    sentence,
    frame,
    frames,
    before,
    negated,
    language, // of the sentence
    anyway, // whether it is looked for also where it is not in scope
    colour: before?.colour ?? COLOURS[(number - 1) % COLOURS.length],
    visible: true,
    replaced: false,
    status: "pending",
    result: null,
    error: null,
    job: null,
    asked: newKey(), // of the question: under it a range of slices is worked on once, however often it is sent
    sideTaken: sideTakenIn(sentence, language), // whether it names a side of which nobody has said whose it is
    unheard: false, // whether the answer to it was lost
    unwanted: false, // whether it was cancelled while the server did not answer
    paths: new Map(),
    corrections: null, // once it is corrected: {of, history, undone, before, echo}
  };
}

export const findingOf = (key) => state.findings.find((finding) => finding.key === Number(key)) ?? null;
export const listed = () => state.findings.filter((finding) => !finding.replaced);
export const isVolume = () => (state.image?.frames ?? 1) > 1;
export const answered = (finding) => ["found", "not found", "negated", "not in scope"].includes(finding.status);

/** What the server is to be told: the side of the picture is meant either way where the two coincide. */
export function lateralityToSend() {
  return state.image?.patient_left === "left" ? "image" : state.side;
}
