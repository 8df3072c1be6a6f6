// The page: asks for the state twice a second and draws it. Values go in as text, never as markup.

const PERIOD_MS = 500;
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const byId = (id) => document.getElementById(id);

const KPIS = [
  ["good parts/h", (s) => fixed(s.summary.good_parts_per_hour, 0)],
  ["good parts", (s) => fixed(s.summary.good_parts, 0)],
  ["rework / reject", (s) => `${fixed(s.summary.reworked, 0)} / ${fixed(s.summary.rejected, 0)}`],
  ["drops", (s) => fixed(s.summary.drops, 0)],
  ["escapes", (s) => fixed(s.summary.escapes, 0)],
  ["false rejects", (s) => fixed(s.summary.false_rejects, 0)],
  ["OEE", (s) => percent(s.kpi.oee)],
  ["availability", (s) => percent(s.kpi.availability)],
  ["effectiveness", (s) => percent(s.kpi.effectiveness)],
  ["energy per good part", (s) => `${fixed(s.summary.energy_per_good_part_j / 1000, 1)} kJ`],
];
const CHARTS = ["good_parts_per_hour", "gripper/vacuum", "cell.speed_scale", "cell.acceleration_scale",
  "cell.grip_vacuum_pa", "inspection.exposure_s", "cell/power", "cell/ambient_light"];

function fixed(value, digits) { return Number.isFinite(value) ? value.toFixed(digits) : "–"; }
function percent(value) { return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–"; }
function short(value) { return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–"; }

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function row(...cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) {
    const td = document.createElement("td");
    if (cell instanceof Node) td.append(cell);
    else td.textContent = cell;
    if (typeof cell === "string" && /^[-–\d.]/.test(cell)) td.className = "number";
    tr.append(td);
  }
  return tr;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, "0");
  return `shift ${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

function notice(text, fine = false) {
  const box = byId("notice");
  box.textContent = text;
  box.hidden = text === "";
  box.classList.toggle("fine", fine);
}

function drawHead(state) {
  const badge = byId("state");
  badge.textContent = state.state;
  badge.className = `badge ${{ hold: "ERROR", stopped: "ERROR", recover: "WARN", idle: "WARN" }[state.state] ?? "OK"}`;
  byId("reason").textContent = [state.state_reason, state.robot_state === "normal" ? "" : state.robot_state]
    .filter(Boolean).join("; ");
  byId("clock").textContent = clock(state.elapsed_s);
  byId("kpis").replaceChildren(...KPIS.map(([name, of]) => {
    const box = element("div", "", "kpi");
    box.append(element("b", of(state)), element("span", name));
    return box;
  }));
}

let drawnProposals = "";

function drawProposals(state) {
  // Rows are kept while nothing changed: a button replaced between press and release loses the click.
  const now = JSON.stringify(state.proposals);
  if (now === drawnProposals) return;
  drawnProposals = now;
  const rows = state.proposals.map((item) => {
    const at = (Number(BigInt(item.stamp_ns) / 1000000n) / 1000) - startOf(state);
    const change = Object.entries(item.parameters).map(([name, value]) => `${item.node}.${name} = ${short(value)}`);
    const forecast = item.forecast.good_parts_per_hour_mean === undefined ? ""
      : `${fixed(item.forecast.good_parts_per_hour_mean, 0)} (was ${fixed(item.forecast.baseline_good_parts_per_hour_mean, 0)})`;
    const verdict = element("span", item.outcome, item.outcome);
    verdict.title = item.verdict_reason;
    const cell = element("div");
    cell.append(verdict);
    if (item.outcome === "pending") cell.append(answerButton(item, "approve"), answerButton(item, "reject"));
    const tr = row(clock(at).slice(6), change.join(", "), item.reason, forecast, cell);
    tr.dataset.stamp = item.stamp_ns;
    return tr;
  });
  byId("proposals").tBodies[0].replaceChildren(...rows);
}

function startOf(state) { return state.now_s - state.elapsed_s; }

function answerButton(item, verb) {
  const button = element("button", verb, verb);
  button.addEventListener("click", () => answer(item.stamp_ns, verb, button));
  return button;
}

async function answer(stamp, verb, button) {
  button.disabled = true;
  try {
    const response = await fetch(`/api/proposals/${stamp}/${verb}`,
      { method: "POST", headers: { "X-Workcell-Token": token } });
    const said = await response.json();
    notice(said.success ? `${verb}: ${said.message}` : said.message, said.success);
  } catch (error) {
    notice(`the cell did not answer: ${error.message}`);
  }
}

function drawTables(state) {
  const parameters = Object.entries(state.parameters).flatMap(([node, values]) =>
    Object.entries(values).map(([name, value]) => row(`${node}.${name}`, short(value))));
  byId("parameters").tBodies[0].replaceChildren(...parameters);
  byId("forecast").tBodies[0].replaceChildren(...Object.entries(state.forecast).map(([name, value]) => row(name, short(value))));
  const weight = { ERROR: 0, STALE: 1, WARN: 2, OK: 3 };
  const health = Object.entries(state.statuses).sort((a, b) => weight[a[1].level] - weight[b[1].level]);
  byId("health").tBodies[0].replaceChildren(...health.map(([name, status]) =>
    row(element("span", status.level, status.level), name, status.message)));
  byId("readings").tBodies[0].replaceChildren(...Object.entries(state.readings).map(([tag, reading]) =>
    row(tag, short(reading.value), element("span", reading.quality, reading.quality))));
  byId("defects").replaceChildren(...state.defects.map((item) =>
    element("li", `${item.class} ${Number.isFinite(item.score) ? item.score.toFixed(2) : ""}`)));
}

function chart(name, points) {
  const box = element("div", "", "chart");
  const values = points.map((point) => point[1]);
  const low = Math.min(...values), high = Math.max(...values);
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  const x = (t) => (last > first ? (100 * (t - first)) / (last - first) : 0).toFixed(2);
  const y = (v) => (high > low ? 29 - (28 * (v - low)) / (high - low) : 15).toFixed(2);
  const head = element("div");
  head.append(element("span", name), element("span", `${short(low)} … ${short(high)}, now ${short(values[values.length - 1])}`));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.map(([t, v]) => `${x(t)},${y(v)}`).join(" "));
  svg.append(line);
  box.append(head, svg);
  return box;
}

function drawCharts(state) {
  const drawn = CHARTS.filter((name) => state.series[name]?.length).map((name) => chart(name, state.series[name]));
  byId("charts").replaceChildren(...drawn);
}

function drawCamera() {
  const image = byId("camera");
  const next = new Image();
  next.onload = () => { image.src = next.src; };
  next.src = `/api/camera.jpg?${Date.now()}`;
}

async function refresh() {
  try {
    const response = await fetch("/api/state", { cache: "no-store" });
    const state = await response.json();
    if (state.elapsed_s === undefined) return;
    drawHead(state);
    drawProposals(state);
    drawTables(state);
    drawCharts(state);
    drawCamera();
    if (byId("notice").dataset.lost) { delete byId("notice").dataset.lost; notice(""); }
  } catch {
    byId("notice").dataset.lost = "yes";
    notice("no connection to the cell: it has stopped or is being restarted");
    byId("state").textContent = "lost";
    byId("state").className = "badge ERROR";
  }
}

async function loop() {
  await refresh();
  setTimeout(loop, PERIOD_MS);
}

if (token) {
  const check = await fetch("/api/token", { headers: { "X-Workcell-Token": token } });
  if (!(await check.json()).valid) notice("wrong token: you can look, but not approve; open the address the run printed");
} else {
  notice("no token: you can look, but not approve; open the address the run printed");
}
loop();
