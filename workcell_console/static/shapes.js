// Triangles of shapes one metre across: position and normal of every corner, six numbers each.

const SIDES = 24;

export function boxMesh() {
  const out = [];
  for (let axis = 0; axis < 3; axis++) {
    for (const side of [-0.5, 0.5]) {
      const at = (u, v) => {
        const point = [0, 0, 0];
        [point[axis], point[(axis + 1) % 3], point[(axis + 2) % 3]] = [side, u, v];
        const normal = [0, 0, 0];
        normal[axis] = Math.sign(side);
        return [...point, ...normal];
      };
      out.push(...square(at(-0.5, -0.5), at(0.5, -0.5), at(0.5, 0.5), at(-0.5, 0.5)));
    }
  }
  return out;
}

// Along z, as in URDF.
export function cylinderMesh() {
  const out = [];
  for (let index = 0; index < SIDES; index++) {
    const [from, to] = [index, index + 1].map((side) => (2 * Math.PI * side) / SIDES);
    const rim = (angle, z) => [0.5 * Math.cos(angle), 0.5 * Math.sin(angle), z];
    const wall = (angle, z) => [...rim(angle, z), Math.cos(angle), Math.sin(angle), 0];
    out.push(...square(wall(from, -0.5), wall(to, -0.5), wall(to, 0.5), wall(from, 0.5)));
    for (const z of [-0.5, 0.5]) {
      const up = [0, 0, Math.sign(z)];
      out.push(0, 0, z, ...up, ...rim(from, z), ...up, ...rim(to, z), ...up);
    }
  }
  return out;
}

export function sphereMesh() {
  const out = [];
  const at = (turn, rise) => {
    const n = [Math.cos(rise) * Math.cos(turn), Math.cos(rise) * Math.sin(turn), Math.sin(rise)];
    return [...n.map((value) => 0.5 * value), ...n];
  };
  for (let index = 0; index < SIDES; index++) {
    const [west, east] = [index, index + 1].map((side) => (2 * Math.PI * side) / SIDES);
    for (let ring = 0; ring < SIDES / 2; ring++) {
      const [low, high] = [ring, ring + 1].map((step) => (2 * Math.PI * step) / SIDES - Math.PI / 2);
      out.push(...square(at(west, low), at(east, low), at(east, high), at(west, high)));
    }
  }
  return out;
}

function square(a, b, c, d) {
  return [...a, ...b, ...c, ...a, ...c, ...d];
}
