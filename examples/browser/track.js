/** The last seconds of a sound, with what is needed to draw them: a column every few samples. */

import { Spectrum } from "./spectrum.js";

const ROWS = 96;

export class Track {
  /**
   * @param {number} sr in Hz
   * @param {number} seconds that are kept
   * @param {number} columns that they are drawn in
   */
  constructor(sr, seconds, columns = 900) {
    const kept = Math.max(1, Math.ceil(seconds * sr));
    this.sr = sr;
    this.spectrum = new Spectrum(sr, ROWS);
    this.hop = Math.max(1, Math.ceil(kept / columns));
    this.columns = Math.ceil(kept / this.hop);
    this.levels = new Float32Array(this.columns * ROWS);
    this.low = new Float32Array(this.columns);
    this.high = new Float32Array(this.columns);
    this.samples = new Float32Array(kept + this.hop + this.spectrum.size);
    this.length = 0; // samples that have come
    this.drawn = 0; // columns that have been made
  }

  get seconds() {
    return this.length / this.sr;
  }

  get rows() {
    return ROWS;
  }

  /** Take the next samples, mono. */
  push(samples) {
    for (const sample of samples) {
      this.samples[this.length++ % this.samples.length] = sample;
      if (this.length >= this.#behind(this.drawn)) this.#column();
    }
  }

  /** Draw what is left, as if silence followed. */
  end() {
    while (this.drawn * this.hop < this.length) this.#column();
  }

  /** The last `count` samples, fewer at the beginning. */
  last(count) {
    const from = Math.max(0, this.length - Math.min(count, this.samples.length));
    return Float32Array.from({ length: this.length - from }, (_, i) => this.#at(from + i));
  }

  /** How many samples must have come for a column: its spectrum lies around its middle. */
  #behind(column) {
    return Math.ceil((column + 0.5) * this.hop) + Math.max(this.spectrum.size, this.hop) / 2;
  }

  #at(i) {
    return i >= 0 && i < this.length ? this.samples[i % this.samples.length] : 0;
  }

  #column() {
    const place = this.drawn % this.columns;
    const first = this.drawn * this.hop;
    let [low, high] = [0, 0];
    for (let i = first; i < first + this.hop; i++) {
      low = Math.min(low, this.#at(i));
      high = Math.max(high, this.#at(i));
    }
    this.low[place] = low;
    this.high[place] = high;
    const begin = Math.round(first + (this.hop - this.spectrum.size) / 2);
    this.spectrum.levels((i) => this.#at(begin + i), this.levels.subarray(place * ROWS, (place + 1) * ROWS));
    this.drawn++;
  }
}
