// After the page was loaded anew: the image that was open, and its jobs, found again on the server.

import { follow } from "./answers.js";
import { getJson } from "./api.js";
import { say } from "./messages.js";
import { show } from "./open.js";
import { remember, remembered } from "./remember.js";
import { changed, newFinding, state } from "./state.js";

/** Shows what was open before, if the server still holds it. */
export async function restore() {
  const id = remembered();
  if (!id) return remember(null);
  let image, jobs;
  try {
    image = await getJson(`v1/images/${id}`);
    jobs = await Promise.all(image.jobs.map((job) => getJson(`v1/jobs/${job}`)));
  } catch {
    return remember(null); // it was closed meanwhile
  }
  if (state.image) return; // another was opened meanwhile
  show(image, [], "the image that was open");
  for (const job of jobs) resume(job);
  const found = jobs.length === 1 ? "its question goes" : `its ${jobs.length} questions go`;
  say(`The page was loaded anew: the image is open, and ${found} on.`);
}

/** A row for each of a job's sentences; their words are kept nowhere. */
function resume(job) {
  const findings = Array.from({ length: job.sentences }, (_, i) =>
    newFinding(`asked before the page was loaded anew (${i + 1})`, { frames: job.frames }),
  );
  state.findings.push(...findings);
  changed("findings");
  follow(job, findings);
}
