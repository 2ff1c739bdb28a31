/** Draws a track: its waveform, its spectrogram, and below them the probabilities of a few classes along time. */

const AXIS = 20;
const ROW = 30;
const RANGE_DB = 70;
const FAINTEST_PEAK_DB = -50;
const LIGHT = ["#fcfcfa", "#e3ebe6", "#a9cfd0", "#5da3bd", "#2b6f9c", "#2a3f76", "#1f1640"];
const DARK = ["#0d0f16", "#231a4a", "#5a2277", "#9c3179", "#d9506a", "#f68c5c", "#fdd59a"];

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./track.js").Track} track
 * @param {{time: number, probabilities: Float32Array, quiet?: boolean}[]} answers in the order of time, in seconds
 * @param {{classes: string[], from: number, to: number, now?: number, playhead?: number, shown?: number}} view
 *   what is seen, in seconds; times are said relative to `now`; `shown` is how many classes
 */
export function draw(canvas, track, answers, { classes, from, to, now = 0, playhead, shown = 5 }) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const pixels = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * pixels) || canvas.height !== Math.round(height * pixels)) {
    canvas.width = Math.round(width * pixels);
    canvas.height = Math.round(height * pixels);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(pixels, 0, 0, pixels, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  const ink = colours(canvas);
  const seen = answers.filter(({ time }) => time >= from && time <= to);
  const lines = Math.min(shown, classes.length);
  const below = lines * ROW + AXIS;
  const [wave, picture] = [0.24 * (height - below), 0.76 * (height - below)];
  const x = (time) => ((time - from) / (to - from)) * width;

  drawWave(pen, track, x, wave, ink);
  drawSpectrogram(pen, track, x, wave, picture, ink);
  drawAxis(pen, { from, to, now }, x, wave + picture, width, ink);
  drawAnswers(pen, seen, leading(seen, lines, classes.length), classes, x, wave + picture + AXIS, width, ink);
  if (playhead !== undefined) {
    pen.fillStyle = ink.accent;
    pen.fillRect(x(playhead) - 0.75, 0, 1.5, height);
  }
}

function colours(canvas) {
  const style = getComputedStyle(canvas);
  const named = ["ink", "muted", "line", "accent", "paper"].map((name) => [name, style.getPropertyValue(`--${name}`)]);
  return { ...Object.fromEntries(named), dark: matchMedia("(prefers-color-scheme: dark)").matches };
}

/** The columns that are kept, oldest first: [place in the track, time of the beginning in seconds]. */
function* columnsOf(track) {
  for (let c = Math.max(0, track.drawn - track.columns); c < track.drawn; c++) {
    yield [c % track.columns, (c * track.hop) / track.sr];
  }
}

function drawWave(pen, track, x, height, ink) {
  const largest = Math.max(0.02, ...track.high, ...track.low.map((value) => -value));
  const columns = [...columnsOf(track)];
  const half = (x(track.hop / track.sr) - x(0)) / 2;
  pen.beginPath();
  // At least a pixel high, so that silence is a line.
  const y = (value) => (0.5 - (0.46 * value) / largest) * height;
  for (const [place, time] of columns) pen.lineTo(x(time) + half, y(track.high[place]) - 0.5);
  for (const [place, time] of columns.reverse()) pen.lineTo(x(time) + half, y(track.low[place]) + 0.5);
  pen.fillStyle = ink.accent;
  pen.fill();
}

const scratch = document.createElement("canvas");

function drawSpectrogram(pen, track, x, top, height, ink) {
  const [count, rows] = [Math.min(track.drawn, track.columns), track.rows];
  pen.fillStyle = (ink.dark ? DARK : LIGHT)[0];
  pen.fillRect(0, top, pen.canvas.width, height);
  if (!count) return;
  const table = ink.dark ? (tables.dark ??= table256(DARK)) : (tables.light ??= table256(LIGHT));
  const peak = track.levels.reduce((a, b) => Math.max(a, b || -Infinity), FAINTEST_PEAK_DB);
  const image = new ImageData(count, rows);
  const cells = new Uint32Array(image.data.buffer);
  let [column, begin] = [0, 0];
  for (const [place, time] of columnsOf(track)) {
    if (!column) begin = time;
    for (let row = 0; row < rows; row++) {
      const share = 1 + (track.levels[place * rows + row] - peak) / RANGE_DB;
      cells[(rows - 1 - row) * count + column] = table[Math.max(0, Math.min(255, Math.round(255 * share)))];
    }
    column++;
  }
  [scratch.width, scratch.height] = [count, rows];
  scratch.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(scratch, x(begin), top, x(begin + (count * track.hop) / track.sr) - x(begin), height);
  drawFrequencies(pen, track.spectrum, top, height, ink);
}

function drawFrequencies(pen, spectrum, top, height, ink) {
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const hz of [250, 1000, 4000, 16000]) {
    if (hz >= 0.48 * spectrum.sr) continue;
    const y = top + (1 - spectrum.height(hz)) * height;
    outlined(pen, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`, 6, y, ink);
  }
}

function drawAxis(pen, { from, to, now }, x, top, width, ink) {
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => x(from + s) >= 64) ?? 1800;
  pen.fillStyle = ink.muted;
  pen.textBaseline = "middle";
  for (let n = Math.ceil((from - now) / step - 1e-9); n * step + now <= to + 1e-9; n++) {
    const place = x(n * step + now);
    const label = n === 0 && now ? "now" : `${+(n * step).toFixed(2)} s`.replace("-", "\u2212");
    const size = pen.measureText(label).width;
    pen.textAlign = "left";
    pen.fillText(label, Math.min(Math.max(place - size / 2, 0), width - size), top + AXIS / 2 + 1);
  }
}

/** What is drawn of an answer: nothing where it was quiet, whatever the listener said. */
const heardAs = ({ quiet, probabilities }, k) => (quiet ? 0 : probabilities[k]);

/** The classes that are most probable at some time of those seen, in their own order. */
function leading(seen, count, classes) {
  const peaks = Array.from({ length: classes }, (_, k) => seen.reduce((p, one) => Math.max(p, heardAs(one, k)), 0));
  const ranked = [...peaks.keys()].sort((a, b) => peaks[b] - peaks[a]);
  return ranked.slice(0, count).sort((a, b) => a - b);
}

function drawAnswers(pen, seen, chosen, classes, x, top, width, ink) {
  chosen.forEach((k, line) => {
    const floor = top + (line + 1) * ROW - 1;
    pen.fillStyle = ink.line;
    pen.fillRect(0, floor, width, 1);
    if (seen.length) {
      pen.beginPath();
      pen.moveTo(x(seen[0].time), floor);
      for (const one of seen) pen.lineTo(x(one.time), floor - (ROW - 4) * heardAs(one, k));
      pen.lineTo(x(seen.at(-1).time), floor);
      pen.fillStyle = ink.accent;
      pen.globalAlpha = 0.75;
      pen.fill();
      pen.globalAlpha = 1;
    }
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    outlined(pen, classes[k], 6, floor - ROW / 2, ink);
  });
}

/** Write on top of a picture, so that it can be read on any colour. */
function outlined(pen, text, x, y, ink) {
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = ink.paper;
  pen.strokeText(text, x, y);
  pen.fillStyle = ink.ink;
  pen.fillText(text, x, y);
}

const tables = {};

/** 256 colours between those of a list, as ImageData keeps them in 32 bits. */
function table256(stops) {
  const rgb = stops.map((stop) => [1, 3, 5].map((i) => parseInt(stop.slice(i, i + 2), 16)));
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (rgb.length - 1);
    const k = Math.min(Math.floor(at), rgb.length - 2);
    const mixed = rgb[k].map((value, c) => value + (at - k) * (rgb[k + 1][c] - value));
    bytes.set([...mixed, 255], 4 * i);
  }
  return new Uint32Array(bytes.buffer);
}
