// Asks the cell, and gives up in time: a server that was stopped takes the question and never answers.

const ANSWER_MS = 12000;

export function ask(path, options = {}) {
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS), ...options });
}
