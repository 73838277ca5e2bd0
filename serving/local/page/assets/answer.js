// The answer to a request, or why there is none.

import { bar, element } from "./elements.js";

const MOST_BARS = 10;
const LONGEST_COMMAND = 4000;

// `of` is the name of what is predicted.
export function showAnswer(place, of, content, milliseconds, command) {
  const prediction = content.predictions[0];
  const isNamed = prediction !== null && typeof prediction === "object" && "scores" in prediction;
  place.replaceChildren(
    ...(isNamed ? named(of, prediction) : [element("pre", {}, JSON.stringify(prediction, null, 2))]),
    element("p", { className: "sub" }, `Version ${content.modelVersionId}, in ${milliseconds.toFixed(0)} ms`),
    ...(command.length > LONGEST_COMMAND ? [] : [asCommand(command)]),
  );
}

export function showProblem(place, message) {
  place.replaceChildren(element("p", { className: "problem" }, message));
}

function named(of, { label, probability, scores }) {
  const sorted = Object.entries(scores).sort(([, first], [, second]) => second - first);
  const rows = sorted.slice(0, MOST_BARS).map(([name, score]) => row(name, score, name === label));
  const rest = sorted.length - rows.length;
  return [
    ...(of ? [element("p", { className: "of" }, of)] : []),
    element("p", { className: "label" }, label, " ", element("span", { className: "muted" }, percent(probability))),
    element("ul", { className: "scores" }, ...rows),
    ...(rest > 0 ? [element("p", { className: "sub" }, `and ${rest} less probable`)] : []),
  ];
}

function row(name, score, isLabel) {
  return element(
    "li",
    { className: isLabel ? "chosen" : "" },
    element("span", { className: "class" }, name),
    bar(100 * score),
    element("span", { className: "num" }, percent(score)),
  );
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function asCommand(command) {
  return element("details", {}, element("summary", {}, "The same by curl"), element("pre", {}, command));
}
