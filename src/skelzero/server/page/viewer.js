// Draws bodies on a canvas: a turntable with a little perspective, joints coloured by side or by weight.

const TURN = Math.PI / 24;
const HOME = { turn: 0.44, tilt: 0.16, zoom: 1 };

export class Viewer {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.bodies = null;
    this.frame = 0;
    this.weights = new Map();
    this.pose = { ...HOME };
    this.readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.readColours(); this.draw(); });
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.listen();
  }

  /** What the server sends as `skeleton`, or null. */
  show(bodies) {
    this.bodies = bodies;
    this.frame = 0;
    this.pose = { ...HOME };
    if (bodies) {
      this.front = bodies.dims === 3 ? Math.atan2(bodies.front[0], bodies.front[1]) : 0;
      this.flat = bodies.dims === 2;
      const low = place(bodies.low, bodies.dims), high = place(bodies.high, bodies.dims);
      this.middle = low.map((v, i) => (v + high[i]) / 2);
      this.floor = Math.min(low[1], high[1]);
      const size = low.map((v, i) => Math.abs(high[i] - v));
      this.height = Math.max(size[1], 1e-9);
      this.width = Math.max(Math.hypot(size[0], size[2]), 1e-9);
    }
    this.draw();
  }

  /** The frame at a time in seconds. */
  seek(time) {
    const times = this.bodies?.times ?? [0];
    let low = 0, high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= time + 1e-6) low = middle; else high = middle - 1;
    }
    this.frame = low;
    this.draw();
  }

  /** For each person number the weights of joints by name; an empty map colours by side. */
  colour(weights) {
    this.weights = weights;
    this.draw();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    this.colours = Object.fromEntries(["left", "right", "middle", "left2", "right2", "middle2", "grid", "cool", "warm"]
      .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  draw() {
    const ratio = devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
    const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (!this.bodies || !width) return;
    const project = this.camera(width, height);
    if (!this.flat) this.drawFloor(pen, project, ratio);
    const drawn = this.bodies.people.map((person, nth) => this.lines(person, nth, project));
    const parts = drawn.flat().sort((a, b) => a.depth - b.depth);
    const thick = ratio * Math.max(2.5, Math.min(6, height / ratio / 90));
    for (const part of parts) this.drawPart(pen, part, thick);
  }

  camera(width, height) {
    const turn = this.flat ? 0 : this.front + this.pose.turn, tilt = this.flat ? 0 : this.pose.tilt;
    const [cy, sy, cx, sx] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const far = 4 * Math.max(this.height, this.width);
    const scale = this.pose.zoom * 0.86 * Math.min(height / (this.height * 1.06 + this.width * 0.3 * sx), width / this.width);
    return ([x, y, z]) => {
      const [a, b, c] = [x - this.middle[0], y - this.middle[1], z - this.middle[2]];
      const right = a * cy - c * sy, along = a * sy + c * cy;
      const up = b * cx - along * sx, depth = b * sx + along * cx;
      const size = this.flat ? scale : scale * far / (far - depth);
      return { x: width / 2 + right * size, y: height / 2 - up * size, depth };
    };
  }

  drawFloor(pen, project, ratio) {
    const reach = Math.max(0.5, Math.ceil(this.width)) , step = this.width > 6 ? 1 : 0.5;
    pen.strokeStyle = this.colours.grid;
    pen.lineWidth = ratio;
    pen.beginPath();
    for (let i = -reach; i <= reach + 1e-9; i += step) {
      for (const ends of [[[i, -reach], [i, reach]], [[-reach, i], [reach, i]]]) {
        const [a, b] = ends.map(([x, z]) => project([this.middle[0] + x, this.floor, this.middle[2] + z]));
        pen.moveTo(a.x, a.y);
        pen.lineTo(b.x, b.y);
      }
    }
    pen.stroke();
  }

  /** Bones and joints of a person in this frame, as things to draw from far to near. */
  lines(person, nth, project) {
    const { joints, bones, dims, steps } = this.bodies;
    const numbers = person.frames[this.frame], weights = this.weights.get(person.person);
    const points = joints.map((_, j) => {
      const at = numbers.slice(j * dims, j * dims + dims);
      return at.includes(null) ? null : project(place(at.map((v) => v / steps), dims));
    });
    const weigh = (j) => weights?.[joints[j]] ?? 0;
    const parts = [];
    for (const [child, parent, side] of bones) {
      const [a, b] = [points[child], points[parent]];
      if (!a || !b) continue;
      const plain = this.colours[nth ? `${side}2` : side];
      const tone = weights ? mix(this.colours.cool, this.colours.warm, (weigh(child) + weigh(parent)) / 2) : plain;
      parts.push({ a, b, tone, depth: (a.depth + b.depth) / 2 });
      parts.push({ a, tone: weights ? mix(this.colours.cool, this.colours.warm, weigh(child)) : plain,
                   size: 1 + 1.1 * weigh(child), depth: a.depth + 1e-6 });
    }
    return parts;
  }

  drawPart(pen, part, thick) {
    pen.beginPath();
    if (part.b) {
      pen.strokeStyle = part.tone;
      pen.lineWidth = thick;
      pen.lineCap = "round";
      pen.moveTo(part.a.x, part.a.y);
      pen.lineTo(part.b.x, part.b.y);
      pen.stroke();
    } else {
      pen.fillStyle = part.tone;
      pen.arc(part.a.x, part.a.y, thick * 0.85 * part.size, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  turn(by, tilt) {
    this.pose.turn += by;
    this.pose.tilt = Math.max(-0.5, Math.min(1.5, this.pose.tilt + tilt));
    this.draw();
  }

  zoom(by) {
    this.pose.zoom = Math.max(0.4, Math.min(5, this.pose.zoom * by));
    this.draw();
  }

  listen() {
    const held = new Map();
    let spread = 0;
    this.canvas.addEventListener("pointerdown", (event) => {
      held.set(event.pointerId, event);
      this.canvas.setPointerCapture(event.pointerId);
      spread = 0;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) return;
      held.set(event.pointerId, event);
      if (held.size === 2) {
        const [a, b] = [...held.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (spread) this.zoom(now / spread);
        spread = now;
      } else {
        this.turn((before.clientX - event.clientX) / 120, (event.clientY - before.clientY) / 160);
      }
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(kind, (event) => held.delete(event.pointerId));
    }
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 600));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", () => this.home());
    this.canvas.addEventListener("keydown", (event) => {
      const keys = { ArrowLeft: [TURN, 0], ArrowRight: [-TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN] };
      if (event.key in keys) this.turn(...keys[event.key]);
      else if (event.key === "+" || event.key === "=") this.zoom(1.15);
      else if (event.key === "-") this.zoom(1 / 1.15);
      else if (event.key === "0") this.home();
      else return;
      event.preventDefault();
    });
  }

  home() {
    this.pose = { ...HOME };
    this.draw();
  }
}

/** Image coordinates count downwards; in space y is up. */
function place(at, dims) {
  return dims === 3 ? at : [at[0], -at[1], 0];
}

/** A colour between two of the form #rrggbb. */
function mix(from, to, share) {
  const part = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  const at = Math.max(0, Math.min(1, share));
  return `rgb(${[0, 1, 2].map((i) => Math.round(part(from, i) * (1 - at) + part(to, i) * at)).join(" ")})`;
}
