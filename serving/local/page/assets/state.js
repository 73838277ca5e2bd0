// What is deployed, with which share, and whether it answers.

import { bar, byId, element } from "./elements.js";

let shown = "";

export function showState(state) {
  const text = JSON.stringify(state);
  // Written only when it changed: a selection stays, and a screen reader is not read the same again.
  if (text === shown) return;
  shown = text;
  const isReady = state.unready.length === 0;
  verdict(isReady ? "Ready" : "Not ready", isReady ? "good" : "bad", why(state));
  byId("versions").replaceChildren(state.deployed.length ? table(state.deployed) : "");
}

export function showSilence(message) {
  shown = "";
  verdict("No answer", "bad", message);
}

function verdict(word, look, sentence) {
  byId("verdict").textContent = word;
  byId("verdict").className = look;
  byId("why").textContent = sentence;
}

function why({ deployed }) {
  if (!deployed.length) return "No version is deployed.";
  const shares = deployed.filter((each) => each.share > 0);
  const silent = shares.filter((each) => !each.ready);
  if (silent.length) return silent.map(reason).join(" ");
  if (!shares.length) return "No version has traffic yet.";
  const split = shares.map((each) => `version ${each.version} answers ${each.share} %`).join(", ");
  const all = `Version ${shares[0].version} answers all requests.`;
  const answering = shares.length === 1 ? all : `V${split.slice(1)} of the requests.`;
  const copied = deployed.filter((each) => each.copied > 0);
  const copies = copied.map(
    (each) => ` Version ${each.version} gets copies of ${each.copied} % of them; its answers are thrown away.`,
  );
  return answering + copies.join("");
}

function reason(each) {
  return each.problem ? `Version ${each.version}: ${each.problem}.` : `Version ${each.version} is being loaded.`;
}

function table(deployed) {
  const heads = ["Version", "Traffic", "State", "Answers", "Copies"].map((text) =>
    element("th", { scope: "col" }, text),
  );
  return element(
    "table",
    { className: "versions" },
    element("caption", {}, "Deployed, with the answers since this server began"),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...deployed.map(row)),
  );
}

function row(each) {
  const copies = counts(each.copies, each.copied ? "none yet" : "–");
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, each.version, each.id === each.version ? "" : small(`id ${each.id}`)),
    cell("Traffic", element("span", { className: "share" }, bar(each.share), `${each.share} %`)),
    cell("State", grade(each)),
    cell("Answers", counts(each.answers, "none yet")),
    cell("Copies", each.copied ? `${each.copied} % · ${copies}` : copies),
  );
}

function cell(name, content) {
  const made = element("td", {}, content);
  made.dataset.name = name;
  return made;
}

function grade(each) {
  if (each.ready) return element("span", { className: "grade good" }, "ready");
  if (!each.problem) return element("span", { className: "grade warn" }, "loading");
  const silent = element("span", { className: "grade block" }, "does not answer");
  return element("span", {}, silent, small(each.problem));
}

function small(text) {
  return element("span", { className: "sub" }, text);
}

// `12 answered, 3 refused with 400`
function counts(byCode, none) {
  const texts = Object.entries(byCode).map(([code, number]) => {
    const text = number.toLocaleString("en");
    if (code === "200") return `${text} answered`;
    return /^\d+$/.test(code) ? `${text} refused with ${code}` : `${text} ${code}`;
  });
  return texts.join(", ") || none;
}
