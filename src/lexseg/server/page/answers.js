// What the server answers, put where it was asked: at once for one slice, by a job for several.

import { getJson, mayPass, pause, request } from "./api.js";
import { middleOf } from "./found.js";
import { alertUser, say } from "./messages.js";
import { remember } from "./remember.js";
import { changed, newFinding, state } from "./state.js";
import { placeWords, spoken } from "./words.js";

const ASK = [250, 500, 1000]; // ms between questions after a job
const MOST = 10_000; // ms between them while none is answered
let reopenImage = () => {};

/** What to do where the server has let the image go. */
export function whenGone(reopen) {
  reopenImage = reopen;
}

/** Takes the results for findings in their order; those of a report make findings of their own. */
export function answer(results, findings, report) {
  if (report !== undefined) findings = replaceReport(results, findings[0], report);
  results.forEach((result, i) => {
    if (findings[i]) Object.assign(findings[i], { status: result.state, result, job: null, paths: new Map() });
  });
  if (findings.length) state.chosen = findings[0].key;
  changed("findings");
  say(findings.length ? findings.map(tell).join(" ") : "The report names nothing to look for.");
}

/** A finding's answer in words, with its place. */
export function tell(finding) {
  const middle = middleOf(finding);
  return spoken(finding, state.image, middle && placeWords(middle, state.image));
}

function replaceReport(results, waiting, report) {
  const letters = [...report]; // the server counts characters, not UTF-16 units
  state.findings = state.findings.filter((finding) => finding !== waiting);
  return results.map((result) => {
    const { start, end } = result.finding;
    const sentence = letters.slice(start, end).join("").replace(/\s+/g, " ").trim();
    const finding = newFinding(sentence, {
      frame: waiting.frame,
      frames: waiting.frames,
      language: waiting.language,
    });
    state.findings.push(finding);
    return finding;
  });
}

/** Says of findings that they got no answer. */
export function fail(findings, error) {
  const cancelled = error.code === "cancelled";
  for (const finding of findings)
    Object.assign(finding, { status: "failed", error: error.message, cancelled, job: null });
  changed("findings");
  if (error.status === 404 && error.code !== "job") {
    say(tell(findings[0])); // or the line would stay at what was looked for
    alertUser("The server has let this image go, as it does after a while without questions.", {
      "Open it again": reopenImage,
    });
  } else if (cancelled) say("Cancelled.");
  else say(tell(findings[0]));
}

/** Follows a job until it ends. */
export async function follow(job, findings, report) {
  const image = state.image;
  remember(image.id);
  const failures = {
    cancelled: "Cancelled.",
    interrupted: "The server was started anew in the middle of it; ask again.",
    failed: "It failed.",
  };
  for (let asked = 0; ; asked++) {
    for (const finding of findings) finding.job = job;
    changed("findings");
    if (job.state === "done") return answer(job.results, findings, report);
    if (job.state in failures) {
      return fail(findings, { code: job.state, message: job.error?.message ?? failures[job.state] });
    }
    await pause(ASK[Math.min(asked, ASK.length - 1)]);
    for (let lost = 0; ; lost++) {
      if (image !== state.image || !findings.some((finding) => state.findings.includes(finding))) return;
      if (findings.some((finding) => finding.unwanted)) {
        return fail(findings, { code: "cancelled", message: failures.cancelled });
      }
      try {
        job = await getJson(`v1/jobs/${job.id}`);
        if (lost) say("The server answers again.");
        break;
      } catch (error) {
        if (!mayPass(error)) return fail(findings, { code: "job", message: error.message });
        // the server works on, whether or not its answers arrive
        job = { ...job, lost: true };
        for (const finding of findings) finding.job = job;
        changed("findings");
        if (!lost) say("The server does not answer; its work goes on, and it is asked again.");
        await pause(Math.min(1000 * 2 ** lost, MOST));
      }
    }
  }
}

/** Ends a job; what it has found so far is dropped. */
export function cancel(finding) {
  if (!finding.job) return;
  request("DELETE", `v1/jobs/${finding.job.id}`).catch((error) => {
    if (mayPass(error)) finding.unwanted = true; // whatever the server does, it is waited for no more
  });
}
