// The cell in 3D: the robot description's shapes, the joints as they stand. Drag turns, the wheel comes nearer.

import { ask } from "./ask.js";
import { boxMesh, cylinderMesh, sphereMesh } from "./shapes.js";
import { about, lookAt, multiply, origin, perspective, scaled, translation } from "./matrix.js";

const JOINTS_MS = 100;
const SCENE_MS = 2000;
const FOLLOW = 0.35; // of the way to the newest position, each frame
const TIP = "gripper_tcp";
const VERTEX = `
attribute vec3 position; attribute vec3 normal;
uniform mat4 model; uniform mat4 view;
varying vec3 facing;
void main() { facing = mat3(model) * normal; gl_Position = view * model * vec4(position, 1.0); }`;
const FRAGMENT = `
precision mediump float;
uniform vec3 colour; varying vec3 facing;
void main() {
  float light = 0.45 + 0.55 * max(dot(normalize(facing), normalize(vec3(0.4, -0.5, 0.9))), 0.0);
  gl_FragColor = vec4(colour * light, 1.0);
}`;

const canvas = document.getElementById("scene");
const note = document.getElementById("scene-note");
const eye = { turn: -0.9, rise: 0.5, distance: 2.4, target: [0, 0, 0] };
const positions = {};
let wanted = {};
let scene = null;
let isVisible = false;

function program(gl) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  gl.useProgram(made);
  return made;
}

function upload(gl, mesh) {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(mesh), gl.STATIC_DRAW);
  return { buffer, count: mesh.length / 6 };
}

function makePainter() {
  const gl = canvas.getContext("webgl", { antialias: true });
  if (!gl) return null;
  const used = program(gl);
  const at = { position: gl.getAttribLocation(used, "position"), normal: gl.getAttribLocation(used, "normal") };
  const to = Object.fromEntries(["model", "view", "colour"].map((name) => [name, gl.getUniformLocation(used, name)]));
  const meshes = { box: upload(gl, boxMesh()), cylinder: upload(gl, cylinderMesh()), sphere: upload(gl, sphereMesh()) };
  gl.enable(gl.DEPTH_TEST);
  for (const place of Object.values(at)) gl.enableVertexAttribArray(place);
  return (view, solids) => {
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(to.view, false, view);
    for (const { kind, model, colour } of solids) {
      const mesh = meshes[kind];
      gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffer);
      gl.vertexAttribPointer(at.position, 3, gl.FLOAT, false, 24, 0);
      gl.vertexAttribPointer(at.normal, 3, gl.FLOAT, false, 24, 12);
      gl.uniformMatrix4fv(to.model, false, model);
      gl.uniform3fv(to.colour, colour.slice(0, 3));
      gl.drawArrays(gl.TRIANGLES, 0, mesh.count);
    }
  };
}

// Returns where every link is: the description is a tree, and each joint hangs its child on its parent.
function poses(description, at) {
  const children = {};
  for (const joint of description.joints) (children[joint.parent] ??= []).push(joint);
  const roots = Object.keys(description.links).filter((name) => !description.joints.some((joint) => joint.child === name));
  const found = {};
  const open = roots.map((name) => [name, translation([0, 0, 0])]);
  while (open.length) {
    const [name, pose] = open.pop();
    found[name] = pose;
    for (const joint of children[name] ?? []) {
      const moved = at[joint.name] ?? 0;
      const motion = joint.kind === "fixed" ? translation([0, 0, 0])
        : joint.kind === "prismatic" ? translation(joint.axis.map((value) => value * moved)) : about(joint.axis, moved);
      open.push([joint.child, multiply(multiply(pose, origin(joint.xyz, joint.rpy)), motion)]);
    }
  }
  return found;
}

function solidsOf(description, placed) {
  return Object.entries(description.links).flatMap(([name, shapes]) => shapes.map((shape) => ({
    kind: shape.kind,
    colour: shape.colour,
    model: scaled(multiply(placed[name], origin(shape.xyz, shape.rpy)), shape.size),
  })));
}

function view() {
  const { turn, rise, distance, target } = eye;
  const from = [
    target[0] + distance * Math.cos(rise) * Math.cos(turn),
    target[1] + distance * Math.cos(rise) * Math.sin(turn),
    target[2] + distance * Math.sin(rise),
  ];
  return multiply(perspective(0.8, canvas.width / canvas.height, 0.05, 50), lookAt(from, target, [0, 0, 1]));
}

function frameUp(description) {
  const places = Object.values(poses(description, {})).map((pose) => [pose[12], pose[13], pose[14]]);
  eye.target = [0, 1, 2].map((axis) => {
    const values = places.map((place) => place[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
  eye.distance = 2.7 * Math.max(0.4, ...places.map((place) =>
    Math.hypot(...place.map((value, axis) => value - eye.target[axis]))));
  eye.target[2] = Math.max(...places.map((place) => place[2])) * 0.72;
}

function draw(paint) {
  if (scene && isVisible) {
    for (const [name, value] of Object.entries(wanted)) {
      const now = positions[name] ?? value;
      positions[name] = Math.abs(value - now) < 1e-5 ? value : now + FOLLOW * (value - now);
    }
    const placed = poses(scene, positions);
    paint(view(), solidsOf(scene, placed));
    const tip = placed[TIP];
    if (tip) canvas.dataset.tip = [tip[12], tip[13], tip[14]].map((value) => value.toFixed(4)).join(" ");
  }
  requestAnimationFrame(() => draw(paint));
}

async function follow() {
  if (isVisible && document.visibilityState === "visible") {
    if (!scene) await fetchScene();
    else wanted = await (await ask("/api/joints")).json();
  }
  setTimeout(() => follow().catch(retry), scene ? JOINTS_MS : SCENE_MS);
}

function retry() {
  // The page itself says that the cell is lost.
  setTimeout(() => follow().catch(retry), SCENE_MS);
}

async function fetchScene() {
  const response = await ask("/api/scene");
  note.textContent = response.status === 200 ? "" : "no robot description is published";
  if (response.status !== 200) return;
  scene = await response.json();
  if (scene.meshes_left_out) note.textContent = `${scene.meshes_left_out} meshes are not shown`;
  frameUp(scene);
}

function turnByHand() {
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    eye.turn -= event.movementX * 0.008;
    eye.rise = Math.min(1.5, Math.max(-0.2, eye.rise + event.movementY * 0.008));
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    eye.distance = Math.min(20, Math.max(0.3, eye.distance * Math.exp(event.deltaY * 0.001)));
  }, { passive: false });
}

const paint = makePainter();
if (paint) {
  new IntersectionObserver(([entry]) => { isVisible = entry.isIntersecting; }).observe(canvas);
  turnByHand();
  draw(paint);
  follow().catch(retry);
} else {
  canvas.hidden = true;
  note.textContent = "this browser draws no 3D (WebGL is off)";
}
