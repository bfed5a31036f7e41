// Asks what answers the page: a server, or the page itself.

import { send } from "./backend.js";

export { CAN, SAYS, tokenFrom, upload } from "./backend.js";

const AGAIN = [500, 1500]; // ms before what only looks is asked again
const LOST = [502, 503, 504]; // a proxy's, or of a server that is being started

/** Whether asking again later may help: the answer was lost, or the server is busy. */
export const mayPass = (error) => error.code === "unreachable" || [429, ...LOST].includes(error.status);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A request; resolves to the Response, or throws what is said to be wrong. What only looks, or may be done `again`
 * without harm, is asked a few times where the answer is lost.
 */
export async function request(method, path, options = {}) {
  for (const wait of method === "GET" || options.again ? AGAIN : []) {
    try {
      return await send(method, path, options);
    } catch (error) {
      if (!mayPass(error) || error.code === "starting") throw error;
    }
    await pause(wait);
  }
  return send(method, path, options);
}

export const getJson = async (path, options) => (await request("GET", path, options)).json();

/** Lets the browser save what a link of a result holds. */
export async function save(path, name) {
  const blob = await (await request("GET", path)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
