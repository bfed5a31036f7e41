// What saved files are called: by the image that they are of, so that no two images' files have one name.

import { state } from "./state.js";

const ENDINGS = /\.(png|jpe?g|tiff?|bmp|dcm|dicom|ima|zip|nii|nii\.gz|nrrd|nhdr)$/i;

/** Such as `film_3f2a9c1b_1_mask.png`: the file's own name, which stays on this computer, and its hash. */
export function nameOfSaved(number, frame, ending) {
  const stem = (state.files.length ? state.name : "lexseg") // of what was opened before this page was loaded, none is known
    .replace(ENDINGS, "")
    .replace(/[^\p{L}\p{M}\p{N}.-]+/gu, "_")
    .replace(/^[._-]+|[._-]+$/g, "")
    .slice(0, 80);
  const slice = frame === null ? [] : [String(frame).padStart(4, "0")];
  return [stem || "lexseg", state.image.sha256.slice(0, 8), number, ...slice, ending].join("_");
}
