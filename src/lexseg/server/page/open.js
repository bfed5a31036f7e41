// Opening an image: by a drop, by choosing files or a folder, again after the server has let it go.

import { request, upload } from "./api.js";
import { $ } from "./dom.js";
import { alertUser, hush, say } from "./messages.js";
import { remember } from "./remember.js";
import { changed, isVolume, state } from "./state.js";
import { viewer } from "./viewer.js";
import { choices, whichOf } from "./which.js";

const GRACE = 60; // seconds
let opening = null; // AbortController
let fields = {}; // of the last upload: series, channel, spacing

/** Uploads files and shows them. Resolves to true where that went well. */
export async function open(files, { name = nameOf(files), ...more } = {}) {
  if (!files.length) return false;
  const most = state.capabilities?.limits.upload_bytes ?? Infinity;
  if (files.reduce((sum, file) => sum + file.size, 0) > most) {
    alertUser(`Not opened: ${name} is larger than the ${most / 1e6} MB that are taken here.`);
    return false;
  }
  opening?.abort();
  const mine = (opening = new AbortController());
  hush();
  busy(`Sending ${name}…`, 0);
  say(`Opening ${name}…`);
  try {
    const progress = (share) =>
      mine === opening && busy(share === null ? `Reading ${name}…` : `Sending ${name}…`, share);
    const image = await upload("v1/images", files, more, { progress, signal: mine.signal });
    if (mine !== opening) return remove(image.id);
    closeImage();
    fields = more;
    show(image, files, name);
    say(
      `Opened: ${name}. ${factsOf(image).join(", ")}.${image.notes?.length ? ` Note: ${image.notes.join(" ")}` : ""}`,
    );
    return true;
  } catch (error) {
    if (mine !== opening) return false;
    if (error.name === "AbortError") say("Opening was cancelled.");
    else refused(error, files, name, more);
    return false;
  } finally {
    if (mine === opening) {
      opening = null;
      $("busy").hidden = true;
    }
  }
}

/** Shows an image that the server holds. */
export function show(image, files, name) {
  Object.assign(state, {
    image,
    files,
    name,
    findings: [],
    frame: Math.floor((image.frames - 1) / 2),
    compare: null,
    chosen: null,
    side: sideOf(image),
    sideSaid: Boolean(image.patient_left),
  });
  remember(null); // until there is a job to come back to
  document.body.classList.remove("closed");
  viewer.open(image);
  changed("image", "side", "findings", "compare");
}

/** The same files again, for instance with a pixel size: {spacing: "0.2,0.2"}. */
export function reopen(more = {}) {
  if (!state.files.length) {
    alertUser("The page was loaded anew since, and no longer has the file: choose it once more.");
    return false;
  }
  return open(state.files, { name: state.name, ...fields, ...more });
}

async function refused(error, files, name, more) {
  const found = choices(error.message);
  if (found.length) {
    const chosen = await whichOf(found);
    if (chosen) return open(files, { name, ...more, ...chosen });
    return say(`Not opened: ${name}, which holds several images.`);
  }
  say(`Not opened: ${name}.`);
  alertUser(
    `Not opened: ${name}. ${error.message.replace(/^upload(\/\d+)?: (.)/, (_, file, first) => first.toUpperCase())}`,
  );
}

/** Lets the server forget the image; also on leaving the page. */
function remove(id, { keepalive = false, after = 0 } = {}) {
  request("DELETE", `v1/images/${id}${after ? `?after=${after}` : ""}`, { keepalive }).catch(() => {});
  return false;
}

function closeImage() {
  if (state.image) remove(state.image.id);
}

/** What is open, in short. */
export function factsOf(image) {
  const size = `${image.width} × ${image.height}`;
  return [
    image.modality,
    isVolume() && image === state.image ? `${size} × ${image.frames} slices` : size,
    image.spacing
      ? `${image.spacing
          .map((mm) => Number(mm.toFixed(3)))
          .filter((mm, i, all) => !i || mm !== all[0])
          .join(" × ")} mm`
      : "pixel size unknown",
  ].filter(Boolean);
}

const sideOf = (image) =>
  image.patient_left ? "patient" : (image.laterality ?? state.capabilities?.laterality ?? "image");

function nameOf(files) {
  const [folder, ...inside] = (files[0].webkitRelativePath ?? "").split("/");
  return files.length === 1 ? files[0].name : inside.length ? folder : `${files.length} files`;
}

function busy(text, share) {
  $("busy").hidden = false;
  $("busy-text").textContent = text;
  if (share === null) $("busy-bar").removeAttribute("value");
  else $("busy-bar").value = share;
}

/** All files of a drop, those in folders too. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const files = [];
  const walk = async (entry) => {
    if (entry.isFile) return files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at most
      if (!some.length) return;
      for (const one of some) await walk(one);
    }
  };
  for (const entry of entries) await walk(entry);
  return files.filter((file) => !file.name.startsWith("."));
}

const files = (event) => {
  const chosen = [...event.target.files].filter((file) => !file.name.startsWith("."));
  event.target.value = ""; // the same file may be chosen again
  open(chosen);
};
$("files").addEventListener("change", files);
$("folder").addEventListener("change", files);
for (const id of ["choose", "open-other"]) $(id).addEventListener("click", () => $("files").click());
$("choose-folder").addEventListener("click", () => $("folder").click());
$("busy-stop").addEventListener("click", () => opening?.abort());

let over = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const hover = (by) => document.body.classList.toggle("dragging", (over = Math.max(0, over + by)) > 0);
addEventListener("dragenter", (event) => carriesFiles(event) && hover(1));
addEventListener("dragleave", (event) => carriesFiles(event) && hover(-1));
const isWritten = (element) => element.closest?.("input, textarea") !== null;
addEventListener("dragover", (event) => {
  if (!carriesFiles(event) && isWritten(event.target)) return;
  event.preventDefault();
  if (!carriesFiles(event)) event.dataTransfer.dropEffect = "none"; // a link would be followed, and the work be gone
});
addEventListener("drop", async (event) => {
  if (!carriesFiles(event) && isWritten(event.target)) return;
  event.preventDefault();
  if (!carriesFiles(event)) return;
  hover(-over);
  const there = await dropped(event.dataTransfer);
  if (there.length) open(there);
  else alertUser("There is no file in what was dropped.");
});
// a picture that was copied; words that were copied with one, as from a letter, go where one writes
addEventListener("paste", (event) => {
  const copied = [...(event.clipboardData?.files ?? [])];
  const words = event.clipboardData?.types.includes("text/plain") && isWritten(event.target);
  if (!copied.length || words || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  open(copied);
});
// what stays in the browser's memory to come back to keeps its image on the server
addEventListener("pagehide", (event) => {
  if (!state.image || event.persisted) return;
  // with jobs the page may only be loaded anew, and finds them then
  const jobs = state.findings.some((finding) => finding.frames);
  remove(state.image.id, { keepalive: true, after: jobs ? GRACE : 0 });
});
