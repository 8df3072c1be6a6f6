// How values are shown: name, unit and scale of what the cell tells in SI units.

const PARAMETERS = {
  "cell.speed_scale": ["speed", 100, "%"],
  "cell.acceleration_scale": ["acceleration", 100, "%"],
  "cell.jerk_scale": ["jerk", 100, "%"],
  "cell.part_acceleration_max_m_s2": ["part acceleration", 1, "m/s²"],
  "cell.grip_vacuum_pa": ["grip vacuum", 1e-3, "kPa"],
  "cell.grip_dwell_s": ["grip dwell", 1e3, "ms"],
  "cell.settle_s": ["settling", 1e3, "ms"],
  "inspection.exposure_s": ["exposure", 1e3, "ms"],
};
// By the last part of a tag; a temperature is told in kelvin and read in degrees Celsius.
const QUANTITIES = {
  current: [1, "A"], torque: [1, "N·m"], speed: [1, "rad/s"], temperature: [1, "°C", -273.15], vibration: [1, "m/s²"],
  tool_current: [1, "A"], pump_current: [1, "A"], vacuum: [1e-3, "kPa"], power: [1, "W"], energy: [1e-3, "kJ"],
  ambient_light: [1, "lx"], tariff: [1, "€/kWh"],
};

// Three digits say enough, but none before the decimal point is rounded away.
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

export function fixed(value, digits = 0) {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

export function percent(value) {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–";
}

export function energy(joules) {
  return Number.isFinite(joules) ? `${(joules / 1000).toFixed(2)} kJ` : "–";
}

// Returns {label, text(value)} of a parameter, a tag or a figure.
export function quantity(name) {
  const parameter = PARAMETERS[name];
  const [label, scale, unit, offset] = parameter ?? [name, ...(QUANTITIES[name.split("/").pop()] ?? [1, ""])];
  return { label, unit, plain: (value) => number(value * scale + (offset ?? 0)),
    text: (value) => `${number(value * scale + (offset ?? 0))} ${Number.isFinite(value) ? unit : ""}`.trim() };
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (count) => String(count).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

// Makes an element; children are elements or texts, and texts never become markup.
export function make(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
