// The page: asks for the cell's state twice a second and draws it. Values go in as text, never as markup.

import { ask } from "./ask.js";
import { drawCharts } from "./charts.js";
import { clock, energy, fixed, make, percent, quantity } from "./format.js";

const PERIOD_MS = 500;
const NOTICE_MS = 8000;
// A cell that stands still answers nothing, or what it has answered before.
const STANDSTILL_MS = 5000;
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const byId = (id) => document.getElementById(id);

const KPIS = [
  ["good parts/h", (s) => fixed(s.summary.good_parts_per_hour)],
  ["good parts", (s) => fixed(s.summary.good_parts)],
  ["rework/reject", (s) => `${fixed(s.summary.reworked)} + ${fixed(s.summary.rejected)}`],
  ["dropped", (s) => fixed(s.summary.drops)],
  ["escaped", (s) => fixed(s.summary.escapes)],
  ["false rejects", (s) => fixed(s.summary.false_rejects)],
  ["OEE", (s) => percent(s.kpi.oee)],
  ["availability", (s) => percent(s.kpi.availability)],
  ["effectiveness", (s) => percent(s.kpi.effectiveness)],
  ["per good part", (s) => energy(s.summary.energy_per_good_part_j)],
];
const STATES = { hold: "bad", stopped: "bad", recover: "warn", idle: "warn", starting: "" };
const VERDICTS = { accept: "ok", rework: "warn", unsure: "warn", reject: "bad" };
const OUTCOMES = { applied: "ok", approved: "ok", restored: "ok", reinstated: "ok", clipped: "warn", pending: "warn",
  expired: "warn", superseded: "warn", refused: "bad", rejected: "bad", failed: "bad", fallback: "bad" };
const OUTCOME_TEXTS = { proposed: "being considered", pending: "waits for a person" };
const LEVELS = { OK: "ok", WARN: "warn", ERROR: "bad", STALE: "bad" };
const QUALITIES = { GOOD: "", UNCERTAIN: "warn", BAD: "bad", STALE: "bad" };

let noticeTimer = 0;

function notice(text, kind = "bad", lasts = false) {
  clearTimeout(noticeTimer);
  const box = byId("notice");
  box.textContent = text;
  box.className = kind;
  box.hidden = text === "";
  if (text && !lasts) noticeTimer = setTimeout(() => notice(standing, "bad", true), NOTICE_MS);
}

// What holds as long as nothing else is to be said: why this page cannot approve, or that the cell is lost.
let standing = "";

function stand(text) {
  if (text === standing) return;
  standing = text;
  notice(text, "bad", true);
}

function drawHead(state) {
  const stopped = state.robot_state && state.robot_state !== "normal";
  const badge = byId("state");
  badge.textContent = state.state;
  badge.className = `badge ${stopped ? "bad" : STATES[state.state] ?? "ok"}`;
  const robot = stopped ? state.robot_state.replace(";reason=", ": ").replaceAll("_", " ") : "";
  byId("reason").textContent = [state.state_reason, robot].filter(Boolean).join("; ");
  byId("clock").textContent = `shift ${clock(state.elapsed_s)}`;
  document.title = `${state.state} – workcell`;
}

function drawKpis(state) {
  byId("kpis").replaceChildren(...KPIS.map(([name, of]) =>
    make("div", "kpi", make("b", "", of(state)), make("span", "", name))));
}

function changeText(item, state, fromNow) {
  return Object.entries(item.parameters).map(([name, value]) => {
    const { label, text, plain } = quantity(`${item.node}.${name}`);
    const now = fromNow ? state.parameters[item.node]?.[name] : undefined;
    return Number.isFinite(now) && now !== value ? `${label} ${plain(now)} → ${text(value)}` : `${label} ${text(value)}`;
  }).join(", ");
}

function forecastText(forecast) {
  const { good_parts_per_hour_mean: then, baseline_good_parts_per_hour_mean: now } = forecast;
  return Number.isFinite(then) && Number.isFinite(now) ? `twin: ${fixed(then)} good parts/h instead of ${fixed(now)}` : "";
}

// Both lists are left alone while nothing in them changed: a button replaced under the finger loses the press.
const drawn = {};

function isNew(what, picture) {
  const text = JSON.stringify(picture);
  const changed = drawn[what] !== text;
  drawn[what] = text;
  return changed;
}

function drawPending(state) {
  const pending = state.proposals.filter((item) => item.outcome === "pending");
  if (!isNew("pending", pending)) return;
  const box = byId("pending");
  box.hidden = pending.length === 0;
  box.replaceChildren(...pending.map((item) => {
    const text = make("div", "", make("b", "", changeText(item, state, true)));
    const expected = item.gain ? `${item.model} expects ${item.gain}` : "";
    for (const line of [item.reason, expected, item.verdict_reason, forecastText(item.forecast)]) {
      if (line) text.append(make("div", "faint", line));
    }
    const ask = make("article", "ask", text,
      make("div", "answers", answerButton(item, "approve", "Approve"), answerButton(item, "reject", "Reject")));
    ask.dataset.stamp = item.stamp_ns;
    return ask;
  }));
}

function answerButton(item, verb, text) {
  const button = make("button", verb, text);
  button.addEventListener("click", () => answer(item.stamp_ns, verb, button.closest("article")));
  return button;
}

async function answer(stamp, verb, article) {
  const buttons = article.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    const response = await ask(`/api/proposals/${stamp}/${verb}`,
      { method: "POST", headers: { "X-Workcell-Token": token } });
    const said = await response.json();
    const done = verb === "approve" ? "approved" : "rejected";
    if (said.success) notice(done, "ok");
    else notice(`not ${done}: ${said.message}`);
  } catch (error) {
    notice(`the cell did not answer: ${error.message}`);
  }
  for (const button of buttons) button.disabled = false;
}

function drawProposals(state) {
  if (!isNew("proposals", state.proposals)) return;
  const start = state.now_s - state.elapsed_s;
  const rows = state.proposals.map((item) => {
    const at = Number(BigInt(item.stamp_ns) / 1000000n) / 1000 - start;
    const actor = item.actor === "person" ? " by a person" : "";
    const outcome = make("span", `outcome ${OUTCOMES[item.outcome] ?? "faint"}`,
      (OUTCOME_TEXTS[item.outcome] ?? item.outcome) + actor);
    const head = make("div", "head", make("time", "faint number", clock(at)),
      make("span", "", changeText(item, state, false) || item.node), outcome);
    const li = make("li", "", head, make("div", "why", item.reason));
    const expected = item.gain ? `${item.model} expects ${item.gain}` : "";
    const clipped = item.clipped ? `clipped: ${item.clipped}` : "";
    const because = [expected, clipped, item.verdict_reason, forecastText(item.forecast)].filter(Boolean).join("; ");
    if (because && because !== item.reason) li.append(make("div", "because", because));
    return li;
  });
  byId("proposals").replaceChildren(...(rows.length ? rows : [make("li", "faint", "none yet")]));
}

function pairs(box, rows) {
  byId(box).replaceChildren(...rows.flatMap(([name, value, kind, title]) => {
    const dt = make("dt", "", name);
    if (title) dt.title = title;
    return [dt, make("dd", kind ?? "", value)];
  }));
}

function drawParameters(state) {
  pairs("parameters", Object.entries(state.parameters).flatMap(([node, values]) =>
    Object.entries(values).map(([name, value]) => {
      const { label, text } = quantity(`${node}.${name}`);
      return [label, text(value), "", `${node}.${name}`];
    })));
  const of = state.forecast;
  const span = (name) => `${fixed(of[`${name}_mean`])} (${fixed(of[`${name}_low`])} to ${fixed(of[`${name}_high`])})`;
  pairs("forecast", of.good_parts_per_hour_mean === undefined ? [["no forecast yet", ""]] : [
    ["good parts", span("good_parts_per_hour")],
    ["as set now", span("baseline_good_parts_per_hour")],
    ["dropped", span("drops_per_hour")],
    ["energy per good part", energy(of.energy_per_good_part_j_mean)],
    ["drift from the cell", percent(of.drift)],
  ]);
}

const JOINT = /^arm\/joint_(\d+)\/(\w+)$/;
const JOINT_COLUMNS = ["current", "torque", "speed", "temperature", "vibration"];

function drawReadings(state) {
  const joints = {}, others = [];
  for (const [tag, reading] of Object.entries(state.readings)) {
    const [, joint, column] = JOINT.exec(tag) ?? [];
    if (joint) (joints[joint] ??= {})[column] = reading;
    else others.push([tag, quality(quantity(tag).text(reading.value), reading), QUALITIES[reading.quality]]);
  }
  const head = make("tr", "", make("th", "", "joint"),
    ...JOINT_COLUMNS.map((name) => make("th", "", `${name} ${quantity(name).unit}`)));
  byId("joints").replaceChildren(head, ...Object.entries(joints).map(([joint, readings]) =>
    make("tr", "", make("th", "", joint), ...JOINT_COLUMNS.map((name) => {
      const reading = readings[name];
      return reading ? make("td", QUALITIES[reading.quality], quality(quantity(name).plain(reading.value), reading))
        : make("td", "faint", "–");
    }))));
  pairs("readings", others);
}

function quality(text, reading) {
  return reading.quality === "GOOD" ? text : `${text} ${reading.quality.toLowerCase()}`;
}

function drawHealth(state) {
  const entries = Object.entries(state.statuses);
  const line = ([name, status]) => make("li", "", make("b", LEVELS[status.level], name), ` ${status.message}`);
  const troubles = entries.filter(([, status]) => status.level !== "OK")
    .sort((a, b) => (b[1].level === "ERROR") - (a[1].level === "ERROR"));
  const fine = entries.filter(([, status]) => status.level === "OK");
  byId("troubles").replaceChildren(...troubles.map(line));
  byId("fine").textContent = `${fine.length} of ${entries.length} fine`;
  byId("health").replaceChildren(...fine.map(line));
  const holds = state.holds.map((hold) => make("li", "", make("time", "faint number", clock(hold.at_s)), ` ${hold.reason}`));
  byId("holds").replaceChildren(...(holds.length ? holds : [make("li", "faint", "none so far")]));
}

function drawVerdict(state) {
  const [part, ...defects] = state.defects;
  const verdict = byId("verdict");
  verdict.textContent = part ? `${part.class}${part.part ? `, product ${part.part}` : ""}` : "nothing inspected yet";
  verdict.className = VERDICTS[part?.class] ?? "faint";
  byId("defects").replaceChildren(...defects.map((item) =>
    make("li", "", `${item.class.replaceAll("_", " ")}, certainty ${fixed(item.score, 2)}`)));
}

let shownImage = "";

async function drawCamera(state) {
  if (state.camera_stamp === shownImage) return;
  const response = await ask("/api/camera.jpg");
  if (response.status !== 200) return;
  shownImage = state.camera_stamp;
  const image = byId("camera");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(await response.blob());
  image.hidden = false;
}

let newest = { now_s: -1, since: 0 };

// Tells by the cell's own clock, on which each picture is later than the one before.
function hasStopped(now_s) {
  const now = performance.now();
  if (now_s !== newest.now_s) newest = { now_s, since: now };
  return now - newest.since > STANDSTILL_MS;
}

function lose(why) {
  stand(why);
  byId("state").textContent = "lost";
  byId("state").className = "badge bad";
}

async function refresh() {
  let state;
  try {
    state = await (await ask("/api/state", { signal: AbortSignal.timeout(STANDSTILL_MS) })).json();
  } catch {
    lose("no connection to the cell: the shift is over, or it is being restarted");
    return;
  }
  if (state.elapsed_s === undefined) return stand(readOnly);
  if (hasStopped(state.now_s)) {
    lose("the cell stands still: nothing here is new");
    return;
  }
  stand(readOnly);
  for (const draw of [drawHead, drawPending, drawKpis, drawProposals, drawParameters, drawReadings, drawHealth,
    drawVerdict]) draw(state);
  drawCharts(byId("charts"), state);
  await drawCamera(state);
}

async function loop() {
  await refresh().catch((error) => notice(`this page failed: ${error.message}`));
  setTimeout(loop, PERIOD_MS);
}

async function whyReadOnly() {
  const remedy = "you can look, but not approve; open the address that the run printed";
  if (!token) return `no token: ${remedy}`;
  const response = await ask("/api/token", { headers: { "X-Workcell-Token": token } });
  return (await response.json()).valid ? "" : `wrong token: ${remedy}`;
}

const readOnly = await whyReadOnly().catch(() => "");
loop();
