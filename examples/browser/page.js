/** The page: a listener is opened, then it hears the microphone or a sound file. */

import { say, setBars, show } from "./answer.js";
import { Listener } from "./listener.js";
import { draw } from "./picture.js";
import { Problem } from "./problem.js";
import { resampled } from "./resample.js";
import { decoded, microphone } from "./sound.js";
import { Track } from "./track.js";

const RUNTIME = "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
const LIVE_SECONDS = 8; // seen while the microphone is open
const PAUSE_MS = 120; // between two answers
const ANSWERS = 120; // along a recording
const QUIET = 0.01; // the largest sample of a quiet window, of a recording as a share of its largest

const WHICH = "the file that  jaxlisten export RUN listener.onnx  writes.";

const $ = (id) => document.getElementById(id);

const dark = matchMedia("(prefers-color-scheme: dark)");

let listener = null;
/** What is heard now: {track, answers, stop, and live, or file, samples, peak, overall}; a new one ends the last. */
let heard = null;

async function runtime() {
  try {
    const ort = await import(RUNTIME);
    ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
    ort.env.wasm.proxy = true; // in a worker, so that the page stays smooth
    return ort;
  } catch {
    throw new Problem("onnxruntime-web is not beside this page. Run  npm install  in its folder, then load it again.");
  }
}

/** Do what was asked for, and say in the page what is wrong where it can't be done. */
async function attempt(work) {
  $("problem").hidden = true;
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    $("problem").textContent = error instanceof Problem ? error.message : `Something went wrong: ${error.message}`;
    $("problem").hidden = false;
  }
}

async function openListener(name, bytes) {
  const opened = await Listener.load(bytes, name, await runtime());
  const file = heard?.file;
  stop();
  await listener?.close();
  listener = opened;
  const longest = listener.longest / listener.sr;
  $("model").textContent =
    `${name}: ${listener.classes.length} ${listener.several ? "labels" : "classes"}, ${listener.sr.toLocaleString("en")} Hz`;
  $("window").min = 0.1;
  $("window").max = Math.max(0.5, Math.ceil(10 * longest) / 10);
  $("window").value = Math.min(1, longest);
  for (const id of ["microphone", "sound", "window"]) $(id).disabled = false;
  $("heard").hidden = true;
  sayWindow();
  setBars(listener);
  if (file) await openSound(file);
}

async function openSound(file) {
  if (!listener) throw new Problem(`Open a listener first: ${WHICH}`);
  const samples = await decoded(file, listener.sr);
  stop();
  const track = new Track(listener.sr, samples.length / listener.sr);
  track.push(samples);
  track.end();
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const mine = begin({ track, answers: [], file, samples, peak });
  $("player").src = URL.createObjectURL(file);
  $("player").hidden = false;
  mine.stop = () => {
    $("player").pause();
    $("player").hidden = true;
    URL.revokeObjectURL($("player").src);
  };
  mine.overall = await listener.whole(samples);
  if (mine !== heard) return;
  show(listener, mine.overall, "Heard in the whole recording");
  say(listener, mine.overall);
  await hearAlong(mine);
}

/** Hear what a live listener would have heard at each time of a recording. */
async function hearAlong(mine) {
  const { samples } = mine;
  const size = windowOf(listener.sr);
  const step = Math.max(Math.ceil(samples.length / ANSWERS), Math.round(0.02 * listener.sr));
  const answers = (mine.answers = []);
  $("picture").ariaBusy = "true";
  for (let end = 0; end < samples.length;) {
    end = Math.min(end + step, samples.length);
    const window = samples.subarray(Math.max(0, end - size), end);
    const probabilities = await listener.probabilities(window);
    if (mine !== heard || mine.answers !== answers) return;
    const quiet = !someAbove(QUIET * Math.min(1, mine.peak), window);
    answers.push({ time: end / listener.sr, probabilities, quiet });
  }
  $("picture").ariaBusy = "false";
}

async function openMicrophone() {
  if (heard?.live) return stop();
  stop();
  let track = null;
  const opened = await microphone(listener.sr, (piece) => track?.push(piece));
  stop(); // whatever was opened while the browser asked
  track = new Track(opened.sr, Math.max(LIVE_SECONDS, Number($("window").max)));
  const mine = begin({ track, answers: [], live: true, stop: opened.close });
  $("microphone").textContent = "Stop";
  try {
    while (mine === heard) {
      await hearNow(mine);
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  } finally {
    if (mine === heard) stop();
  }
}

async function hearNow(mine) {
  const { track } = mine;
  const time = track.seconds;
  const latest = track.last(windowOf(track.sr));
  if (latest.length < 0.1 * track.sr) return;
  const probabilities = await listener.probabilities(await resampled(latest, track.sr, listener.sr));
  if (mine !== heard) return;
  const quiet = !someAbove(QUIET, latest);
  mine.answers.push({ time, probabilities, quiet });
  mine.answers = mine.answers.filter((one) => one.time >= time - LIVE_SECONDS - 1);
  $("heard").classList.toggle("quiet", quiet);
  show(listener, probabilities, quiet ? "Heard now: it is quiet" : "Heard now");
  say(listener, probabilities);
}

const someAbove = (limit, samples) => samples.some((sample) => Math.abs(sample) >= limit);

function begin(next) {
  heard = next;
  $("heard").hidden = false;
  $("heard").classList.remove("quiet");
  $("about").textContent = next.live ? "the microphone" : `${next.file.name}, ${next.track.seconds.toFixed(2)} s`;
  $("answer").textContent = "…";
  $("answer").ariaLive = next.live ? "off" : "polite";
  $("picture").classList.toggle("playable", !next.live);
  requestAnimationFrame(paint);
  return next;
}

function stop() {
  heard?.stop?.();
  if (heard?.live) $("about").textContent = "the microphone, stopped";
  heard = null;
  $("microphone").textContent = "Listen to the microphone";
}

/** Draw what is heard, on every frame that changes it. */
function paint() {
  const mine = heard;
  if (!mine) return;
  requestAnimationFrame(paint);
  const { track, answers, live } = mine;
  const { currentTime } = $("player");
  const seen = [track.length, answers.length, currentTime, $("picture").clientWidth, dark.matches].join();
  if (seen === mine.seen) return;
  mine.seen = seen;
  const view = live
    ? { from: track.seconds - LIVE_SECONDS, to: track.seconds, now: track.seconds }
    : { from: 0, to: track.seconds, playhead: currentTime || undefined };
  draw($("picture"), track, answers, { ...view, classes: listener.classes });
  if (!live) followPlayer(mine, $("player"));
}

/** While it plays, show what was heard up to there; at rest, what the whole recording is. */
function followPlayer(mine, player) {
  const within = player.currentTime > 0 && !player.ended;
  const at = within ? mine.answers.findLast(({ time }) => time <= player.currentTime) : null;
  if (at) show(listener, at.probabilities, `Heard up to ${player.currentTime.toFixed(2)} s`);
  else if (mine.overall) show(listener, mine.overall, "Heard in the whole recording");
}

/** The samples of a window at some rate. */
const windowOf = (sr) => Math.round($("window").value * sr);

function sayWindow() {
  $("seconds").textContent = `${Number($("window").value).toFixed(1)} s`;
}

function open(file) {
  return file.name.toLowerCase().endsWith(".onnx") ? openListenerFile(file) : openSound(file);
}

async function openListenerFile(file) {
  await openListener(file.name, new Uint8Array(await file.arrayBuffer()));
}

for (const id of ["sound", "onnx"]) {
  $(id).addEventListener("change", () => {
    const [file] = $(id).files;
    if (file) attempt(() => (id === "onnx" ? openListenerFile(file) : open(file)));
    $(id).value = "";
  });
}
$("microphone").addEventListener("click", () => attempt(openMicrophone));
$("window").addEventListener("input", sayWindow);
$("window").addEventListener("change", () => heard?.samples && attempt(() => hearAlong(heard)));
$("picture").addEventListener("click", ({ offsetX }) => {
  if (heard?.samples) $("player").currentTime = (offsetX / $("picture").clientWidth) * heard.track.seconds;
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const [file] = event.dataTransfer.files;
  if (file) attempt(() => open(file));
});

attempt(async () => {
  const answer = await fetch("listener.onnx", { cache: "no-cache" }); // it may have been exported anew
  if (answer.ok) await openListener("listener.onnx", new Uint8Array(await answer.arrayBuffer()));
}).then(() => {
  if (!listener) $("model").textContent = `Open a listener to begin: ${WHICH}`;
});
