/** Sound files and the microphone, as mono samples at a rate of our choice. */

import { Problem } from "./problem.js";
import { rateOf } from "./rate.js";
import { resampled } from "./resample.js";

/**
 * Decode a sound file.
 * @param {File} file
 * @param {number} sr wanted, in Hz
 * @returns {Promise<Float32Array>} the mean of its channels
 */
export async function decoded(file, sr) {
  const content = await file.arrayBuffer();
  const native = rateOf(content) ?? sr; // unknown: the browser resamples
  let sound;
  try {
    sound = await offline(native).decodeAudioData(content);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`${file.name} is not a sound file that this browser can play; convert it to WAV or MP3.`);
  }
  if (!sound.length) throw new Problem(`${file.name} holds no samples.`);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k));
  const mono = channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
  return resampled(mono, native, sr);
}

/**
 * Open the microphone.
 * @param {number} sr wanted, in Hz
 * @param {(piece: Float32Array) => void} take is given the samples as they come
 * @returns {Promise<{sr: number, close: () => void}>} the rate that it came to, which some browsers choose themselves
 */
export async function microphone(sr, take) {
  if (!navigator.mediaDevices) {
    throw new Problem(
      "A browser gives the microphone to pages from localhost or https only; open this one from there.",
    );
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    throw new Problem(REFUSALS[error.name] ?? `The microphone can't be opened: ${error.message}.`);
  }
  const { context, source } = connected(stream, sr);
  const close = () => {
    stream.getTracks().forEach((track) => track.stop());
    context.close();
  };
  try {
    await context.audioWorklet.addModule(new URL("recorder.js", import.meta.url));
    await context.resume();
  } catch (error) {
    close();
    throw new Problem(`The microphone can't be heard: ${error.message}.`);
  }
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  recorder.port.onmessage = ({ data }) => take(data);
  source.connect(recorder);
  return { sr: context.sampleRate, close };
}

const REFUSALS = {
  NotAllowedError: "The microphone was refused. Allow it for this page (beside its address) and try again.",
  NotFoundError: "There is no microphone. Connect one, or open a sound file.",
  NotReadableError: "The microphone is in use by another program, or broken.",
};

/** Some browsers refuse to join a stream to a context of another rate: then the context takes the stream's. */
function connected(stream, sr) {
  const context = new AudioContext({ sampleRate: sr });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    context.close();
    const own = new AudioContext();
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}

function offline(sr) {
  try {
    return new OfflineAudioContext(1, 1, sr);
  } catch {
    throw new Problem(`This browser can't play sound at ${sr} Hz.`);
  }
}
