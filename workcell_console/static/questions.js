// Parts that inspection is unsure about: asks for them every other second and offers the answers.

import { ask } from "./ask.js";
import { make } from "./format.js";

const PERIOD_MS = 2000;
const SIDE_PX = 220;
const ANSWERS = [["good", "Good part", "approve"], ["bad", "Bad part", "reject"]];
const box = document.getElementById("questions");
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
let drawn = "";

function pictureOf(question) {
  const canvas = make("canvas", "");
  canvas.width = canvas.height = SIDE_PX;
  const image = new Image();
  image.addEventListener("load", () => {
    const pen = canvas.getContext("2d");
    const scale = SIDE_PX / Math.max(image.width, image.height);
    pen.drawImage(image, 0, 0, image.width * scale, image.height * scale);
    pen.strokeStyle = "red";
    for (const [x1, y1, x2, y2] of question.boxes) {
      pen.strokeRect(x1 * scale - 2, y1 * scale - 2, (x2 - x1) * scale + 4, (y2 - y1) * scale + 4);
    }
  });
  image.src = `/api/questions/${question.stamp_ns}.png`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Part of product ${question.variant}`);
  return canvas;
}

async function answer(question, name, article) {
  const said = article.querySelector(".said");
  for (const button of article.querySelectorAll("button")) button.disabled = true;
  try {
    const response = await ask(`/api/questions/${question.stamp_ns}/${name}`,
      { method: "POST", headers: { "X-Workcell-Token": token } });
    said.textContent = (await response.json()).message;
  } catch (error) {
    said.textContent = `the cell did not answer: ${error.message}`;
  }
  for (const button of article.querySelectorAll("button")) button.disabled = false;
}

function articleOf(question) {
  const article = make("article", "ask");
  const text = make("div", "", make("b", "", `Is this part of product ${question.variant} good?`),
    make("div", "faint", question.reason), make("div", "faint said", ""));
  const buttons = ANSWERS.map(([name, label, kind]) => {
    const button = make("button", kind, label);
    button.addEventListener("click", () => answer(question, name, article));
    return button;
  });
  article.dataset.stamp = question.stamp_ns;
  article.append(text, pictureOf(question), make("div", "answers", ...buttons));
  return article;
}

async function refresh() {
  try {
    const response = await ask("/api/questions");
    const text = response.ok ? await response.text() : "[]";
    // Left alone while nothing changed: a button replaced under the finger loses the press.
    if (text !== drawn) {
      drawn = text;
      const questions = JSON.parse(text);
      box.hidden = questions.length === 0;
      box.replaceChildren(...questions.map(articleOf));
    }
  } catch {
    // The rest of the page says that the cell is lost.
    box.hidden = true;
    drawn = "";
  }
  setTimeout(refresh, PERIOD_MS);
}

refresh();
