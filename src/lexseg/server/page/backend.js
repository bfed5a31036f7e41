// What answers the page: the server that it came from. A page without one has another file of this name.
// Sentences and tokens travel in bodies and headers, never in addresses.

import { Refusal } from "./refusal.js";

/** What this back end does beside answering about one image. */
export const CAN = { correct: true, folders: true, slices: true, seg: true };

/** Where the image goes and what may be opened: null leaves the page's own words. */
export const SAYS = { where: null, opens: null };

let token = null; // in memory only
let asking = null;
let askForToken = async () => null;

/** Who asks the user for a token: a function (wasWrong) that resolves to the token, or null. */
export function tokenFrom(ask) {
  askForToken = ask;
}

/** An address below the page's own, also behind a proxy that serves it under a path. */
const address = (path) => new URL(path.replace(/^\//, ""), document.baseURI).href;

const headers = (more = {}) => ({ ...more, ...(token ? { Authorization: `Bearer ${token}` } : {}) });

/** One request; resolves to the Response, or throws what the server says is wrong. */
export async function send(method, path, { json, signal, keepalive = false } = {}) {
  for (;;) {
    const sent = token;
    let response;
    try {
      response = await fetch(address(path), {
        method,
        signal,
        keepalive,
        credentials: "omit",
        referrerPolicy: "no-referrer",
        redirect: "error",
        headers: headers(json === undefined ? {} : { "Content-Type": "application/json" }),
        body: json === undefined ? undefined : JSON.stringify(json),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw unreachable();
    }
    if (response.ok) return response;
    if (response.status === 401 && !keepalive && (await newToken(sent))) continue;
    throw errorOf(response.status, await response.text());
  }
}

/** Sends files; progress(share of 1, or null where all is sent and the server reads). */
export async function upload(path, files, fields, { progress, signal }) {
  for (;;) {
    const sent = token;
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const file of files) form.append("file", file, "file"); // its name may be a patient's
    const { status, text } = await post(path, form, progress, signal);
    if (status >= 200 && status < 300) return JSON.parse(text);
    if (status === 401 && (await newToken(sent))) continue;
    throw errorOf(status, text);
  }
}

function post(path, form, progress, signal) {
  // fetch does not tell how much has been sent
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", address(path));
    for (const [name, value] of Object.entries(headers())) call.setRequestHeader(name, value);
    call.upload.addEventListener("progress", (event) =>
      progress(event.lengthComputable ? event.loaded / event.total : null),
    );
    call.upload.addEventListener("load", () => progress(null));
    call.addEventListener("load", () => resolve({ status: call.status, text: call.responseText }));
    call.addEventListener("error", () => reject(unreachable()));
    call.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => call.abort());
    call.send(form);
  });
}

/** Many requests may be refused at once: the user is asked once. True where there is another token to try. */
async function newToken(refused) {
  if (token !== refused) return true;
  asking ??= askForToken(refused !== null).finally(() => (asking = null));
  const answer = await asking;
  if (!answer) return false;
  token = answer;
  return true;
}

function unreachable() {
  return new Refusal("unreachable", "The server does not answer. Is it still running?");
}

function errorOf(status, text) {
  try {
    const { error } = JSON.parse(text);
    if (error?.message) return new Refusal(error.code, error.message, status, error);
  } catch {
    // no JSON: a proxy's page, say
  }
  const reason = {
    401: "A token is needed.",
    413: "That is more than the server takes.",
    429: "The server is busy; try again in a moment.",
    503: "The server is busy; try again in a moment.",
  };
  return new Refusal("http", reason[status] ?? `The server refused (HTTP ${status}).`, status);
}
