// Teaching: scribbles on a few images say what is meant, and the next image is asked for it. The server keeps what was
// taught until it is forgotten; of the scribbles nothing stays.

import { answer, fail } from "./answers.js";
import { getJson, request } from "./api.js";
import { brush } from "./correct.js";
import { $ } from "./dom.js";
import { alertUser, say } from "./messages.js";
import { changed, newFinding, on, state } from "./state.js";

const MARKS = { mark: true, unmark: false };
const MOST_POINTS = 5000;
const NAME = "the taught target";
let teaching = null; // as the server tells it
let busy = false;

export const isMark = (tool) => tool in MARKS;

/** Takes up a scribble; points are [row, column] in pixels of the image. */
export function scribbled(tool, points) {
  const every = Math.ceil(points.length / MOST_POINTS);
  state.scribbles.push({
    points: points.filter((_, i) => i % every === 0),
    radius: brush() / 2,
    wanted: MARKS[tool],
    frame: state.frame,
  });
  show();
}

const here = () => state.scribbles.filter(({ frame }) => frame === state.frame);
const shown = () => ($("as-shown").checked && !state.image.color ? { window: { ...state.window } } : {});

async function work(what) {
  if (busy) return;
  busy = true;
  show();
  try {
    await what();
  } catch (error) {
    if (error.code === "no_such_teaching") teaching = null;
    alertUser(error.message);
  }
  busy = false;
  show();
}

/** Teaches by the scribbles on the picture that is shown. */
async function teach() {
  const strokes = here().map(({ points, radius, wanted }) => ({ points, radius, wanted }));
  if (!strokes.some((s) => s.wanted) || !strokes.some((s) => !s.wanted))
    return alertUser("Scribble on the target, and beside it too: both are needed.");
  const image = state.image;
  say("Learning from the scribbles…");
  teaching ??= await (await request("POST", "v1/teachings")).json();
  const json = { image: image.id, frame: state.frame, strokes, ...shown() };
  teaching = await (await request("POST", `v1/teachings/${teaching.id}/examples`, { json })).json();
  if (image === state.image) state.scribbles = state.scribbles.filter((each) => !strokes.some((s) => s.points === each.points));
  say(told());
  changed("view");
}

/** Asks the picture that is shown for what was taught. */
async function find() {
  const image = state.image;
  const finding = newFinding(NAME);
  state.findings.push(finding);
  changed("findings");
  try {
    const json = { image: image.id, frame: state.frame, ...shown() };
    const { results } = await (await request("POST", `v1/teachings/${teaching.id}/segment`, { json })).json();
    if (image === state.image) answer(results, [finding]);
  } catch (error) {
    if (image === state.image) fail([finding], error);
    throw error;
  }
}

async function forget() {
  const { id } = teaching;
  teaching = null;
  await request("DELETE", `v1/teachings/${id}`);
  say("What was taught is forgotten.");
}

/** Takes the last scribble on the picture that is shown back. */
function takeBack() {
  const last = here().at(-1);
  state.scribbles = state.scribbles.filter((each) => each !== last);
  show();
  changed("view");
  say(last.wanted ? "A scribble on the target was taken back." : "A scribble beside the target was taken back.");
  if ($("teach-back").hidden) $("view-a").focus();
}

function told() {
  if (!teaching?.images) return "Nothing was taught yet. Choose Target or Beside above the picture, and scribble.";
  const images = teaching.images === 1 ? "one image" : `${teaching.images} images`;
  const known = teaching.left_out === null ? "" : `, which know each other by a Dice of ${teaching.left_out.toFixed(2)}`;
  return `Taught from ${images}${known}. Open the next one and look for it, or scribble on it too.`;
}

function show() {
  $("teach-told").textContent = told();
  $("teach-send").disabled = busy || !state.image || !here().length;
  $("teach-find").disabled = busy || !state.image || !teaching?.images;
  $("teach-back").hidden = busy || !state.image || !here().length;
  $("teach-forget").hidden = !teaching;
}

/** Shows what teaches, where the server can be taught: a page without one cannot. */
export function offerTeaching({ teaching: can = false }) {
  for (const element of [$("teach"), ...document.querySelectorAll("[data-teaches]")]) element.hidden = !can;
}

$("teach-send").addEventListener("click", () => work(teach));
$("teach-find").addEventListener("click", () => work(find));
$("teach-back").addEventListener("click", takeBack);
$("teach-forget").addEventListener("click", () => work(forget));
on("image", () => (state.scribbles = []));
on("image frame", show);
show();
// one that the server has let go is no longer there to be asked
on("image", async () => {
  if (teaching) getJson(`v1/teachings/${teaching.id}`).catch(() => ((teaching = null), show()));
});
