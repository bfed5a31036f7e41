// The page begins here.

import "./able.js";
import { whenGone } from "./answers.js";
import { getJson, pause } from "./api.js";
import { ask, offer } from "./ask.js";
import "./findings.js";
import "./keys.js";
import "./pointer.js";
import { $ } from "./dom.js";
import { alertUser, say } from "./messages.js";
import { reopen } from "./open.js";
import { restore } from "./restore.js";
import { listed, state } from "./state.js";
import { offerTeaching } from "./teach.js";
import { askSpacing } from "./top.js";
import { viewer } from "./viewer.js";

/** Opens the same files again and asks the same sentences. */
async function again(fields = {}) {
  const asked = listed()
    .filter((finding) => !finding.reading)
    .map(({ sentence, frame, frames, anyway, language }) => ({ sentence, frame, frames, anyway, language }));
  if (!(await reopen(fields))) return;
  for (const { sentence, ...where } of asked) ask([sentence], where);
}

whenGone(() => again());
viewer.onError = (error) => {
  if (error.status === 404)
    alertUser("The server has let this image go, as it does after a while without questions.", {
      "Open it again": () => again(),
    });
  else alertUser(`The picture cannot be shown. ${error.message}`);
};
$("set-spacing").addEventListener("click", async () => {
  const spacing = await askSpacing();
  if (spacing) await again({ spacing });
});

/** What the server can do; while it loads its model, that is waited for. */
async function whatItCan() {
  const before = $("status").textContent;
  for (;;) {
    try {
      const said = await getJson("capabilities");
      say(before);
      return said;
    } catch (error) {
      if (error.code !== "starting") throw error;
      say("The server is loading its model…");
      await pause(1000);
    }
  }
}

try {
  const capabilities = await whatItCan();
  state.capabilities = capabilities;
  offer(capabilities);
  offerTeaching(capabilities);
  $("about").textContent = [
    capabilities.note,
    `LexSeg ${capabilities.lexseg}`,
    `model ${capabilities.models[0].name}`,
  ].join(" · ");
  await restore();
} catch (error) {
  alertUser(error.message);
}
