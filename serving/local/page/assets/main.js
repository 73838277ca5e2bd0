// The page: asks for the state again and again, and for the form once a version is loaded.

import { call, hasToken, useToken } from "./calls.js";
import { byId, element } from "./elements.js";
import { formOf } from "./form.js";
import { showAnswer, showProblem } from "./answer.js";
import { showSilence, showState } from "./state.js";

const REFRESH_MILLISECONDS = 2000;

let shownForm = null; // as the endpoint described it
let form = null;

async function refresh() {
  try {
    const state = await call("/page/state");
    byId("token").hidden = true;
    byId("content").hidden = false;
    showState(state);
    showVersions(state.deployed);
    if (isOther(state)) showForm(await call("/page/form"));
  } catch (refused) {
    if (refused.code === 401) askForToken();
    else if (refused.code === 0) showSilence(refused.message);
    else if (refused.code !== 503) throw refused;
  }
}

// Whether the inputs may be others than those of the form.
function isOther({ deployed }) {
  const ready = deployed.filter((each) => each.share > 0 && each.ready);
  return ready.length > 0 && !ready.some((each) => each.version === shownForm?.version);
}

function askForToken() {
  byId("content").hidden = true;
  byId("token-problem").textContent = hasToken() ? "The endpoint refused this token." : "";
  byId("token").hidden = false;
}

function showForm(described) {
  const isSame = JSON.stringify(shownForm?.features) === JSON.stringify(described.features);
  shownForm = described;
  if (isSame) return; // what somebody has typed stays
  form = formOf(described.features, described.samples);
  byId("fields").replaceChildren(...form.fields);
  byId("samples").replaceChildren(form.samples);
  byId("waiting").hidden = true;
  byId("columns").hidden = false;
}

function showVersions(deployed) {
  const select = byId("version");
  const values = ["", ...deployed.map((each) => each.version)];
  if ([...select.options].map((option) => option.value).join() === values.join()) return;
  const chosen = select.value;
  const text = (value) => (value === "" ? "the split of the traffic" : `version ${value}`);
  select.replaceChildren(...values.map((value) => element("option", { value }, text(value))));
  select.value = values.includes(chosen) ? chosen : "";
}

async function predict() {
  const place = byId("answer");
  const version = byId("version").value;
  const model = encodeURIComponent(shownForm.model);
  const path = `/v1/models/${model}${version && `/versions/${encodeURIComponent(version)}`}:predict`;
  const body = `{"instances": [${form.instance()}]}`;
  const begun = performance.now();
  try {
    const content = await call(path, body);
    showAnswer(place, shownForm.label, content, performance.now() - begun, curl(path, body));
  } catch (refused) {
    showProblem(place, refused.message);
  }
  await refresh();
}

function curl(path, body) {
  const token = hasToken() ? ' -H "Authorization: Bearer $SLUICE_SERVING_TOKEN"' : "";
  return `curl${token} -d '${body.replaceAll("'", "'\\''")}' \\\n    ${location.origin}${path}`;
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await predict();
});
byId("token").addEventListener("submit", async (event) => {
  event.preventDefault();
  useToken(byId("token-value").value);
  byId("token-value").value = "";
  await refresh();
});
// A token that is missing or wrong is asked for once, not every two seconds.
setInterval(() => document.hidden || !byId("token").hidden || refresh(), REFRESH_MILLISECONDS);
await refresh();
