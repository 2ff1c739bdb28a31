/** An exported listener: from samples to the probabilities of its classes. Runs in a browser and in node. */

import { aboutModel } from "./metadata.js";
import { Problem } from "./problem.js";

const BATCH = 8;
const REMEDY = "Write one with: jaxlisten export RUN listener.onnx";

export class Listener {
  /**
   * @param {Uint8Array} bytes what `jaxlisten export RUN listener.onnx` wrote
   * @param {string} name of the file, for messages
   * @param ort the module onnxruntime-web
   */
  static async load(bytes, name, ort) {
    const settings = settingsOf(bytes, name);
    let session;
    try {
      session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 3 });
    } catch (error) {
      throw new Problem(`${name} can't be run by onnxruntime-web: ${error.message}`);
    }
    if (!session.inputNames.includes("waveform")) {
      const first = session.inputNames[0];
      throw new Problem(`${name} begins with ${first}, not with sound; this page needs a model from the waveform on.`);
    }
    if (!session.outputNames.includes("probabilities")) {
      throw new Problem(`${name} gives ${session.outputNames[0]}, not probabilities, which are what is shown.`);
    }
    return new Listener(session, settings, ort);
  }

  constructor(session, { classes, sr, longest, several }, ort) {
    Object.assign(this, { classes, sr, longest, several });
    this.run = async (samples, batch) => {
      // A copy: a runtime in a worker takes the memory away.
      const waveform = new ort.Tensor("float32", samples.slice(), [batch, samples.length / batch]);
      return (await session.run({ waveform })).probabilities.data;
    };
    this.close = () => session.release();
  }

  /** The probability of each class for samples heard as one clip. */
  probabilities(samples) {
    return this.run(samples, 1);
  }

  /** The answer for a whole recording, as `jaxlisten predict` gives it: a long one in half-overlapping windows. */
  async whole(samples) {
    const size = this.longest;
    if (samples.length <= 2 * size) return this.probabilities(samples);
    const starts = [];
    for (let start = 0; start < samples.length - size; start += Math.max(1, Math.floor(size / 2))) starts.push(start);
    starts.push(samples.length - size);
    const total = new Float64Array(this.classes.length);
    for (let i = 0; i < starts.length; i += BATCH) {
      const some = starts.slice(i, i + BATCH);
      const windows = new Float32Array(some.length * size);
      some.forEach((start, k) => windows.set(samples.subarray(start, start + size), k * size));
      (await this.run(windows, some.length)).forEach((p, k) => (total[k % total.length] += p));
    }
    return Float32Array.from(total, (sum) => sum / starts.length);
  }

  /** The places of what is heard: the most probable class, or every label of a probability of 1/2 or more. */
  held(probabilities) {
    const ranked = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    return this.several ? ranked.filter((k) => probabilities[k] >= 0.5) : ranked.slice(0, 1);
  }
}

/** Read the classes, the rate in Hz and the longest clip in samples from the file itself. */
function settingsOf(bytes, name) {
  let about;
  try {
    about = aboutModel(bytes);
  } catch {
    throw new Problem(`${name} is not an ONNX file, or it is cut short. ${REMEDY}`);
  }
  const { sr, longest } = about.metadata;
  const classes = namesIn(about.metadata.classes);
  if (!classes || !(sr > 0)) {
    throw new Problem(`${name} is not a listener: it does not name its classes and its sample rate. ${REMEDY}`);
  }
  return { classes, sr: Number(sr), longest: Number(longest ?? 2 * sr), several: about.last === "Sigmoid" };
}

function namesIn(list) {
  try {
    return JSON.parse(list);
  } catch {
    return null;
  }
}
