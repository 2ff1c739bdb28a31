/** Levels of a sound in mel-spaced rows, from a Fourier transform of Hann-windowed samples. */

const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
const hz = (mels) => 700 * (10 ** (mels / 2595) - 1);

export class Spectrum {
  /**
   * @param {number} sr in Hz
   * @param {number} rows of a column, the lowest frequency first
   */
  constructor(sr, rows) {
    this.size = 2 ** Math.round(Math.log2(0.03 * sr));
    this.rows = rows;
    this.sr = sr;
    const n = (this.points = 4 * this.size); // zeros behind the samples make low rows smooth
    this.window = Float64Array.from(
      { length: this.size },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / this.size),
    );
    this.cos = Float64Array.from({ length: n / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / n));
    this.sin = Float64Array.from({ length: n / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / n));
    this.re = new Float64Array(n);
    this.im = new Float64Array(n);
    this.edges = Array.from({ length: rows + 1 }, (_, i) => (hz((mel(sr / 2) * i) / rows) * n) / sr);
  }

  /** Where a frequency lies, from 0 at the bottom to 1 at the top. */
  height(frequency) {
    return mel(frequency) / mel(this.sr / 2);
  }

  /**
   * Write the levels in dB of full scale of `size` samples into `rows` places.
   * @param {(i: number) => number} sample
   * @param {Float32Array} levels
   */
  levels(sample, levels) {
    this.re.fill(0);
    this.im.fill(0);
    for (let i = 0; i < this.size; i++) this.re[i] = this.window[i] * sample(i);
    this.#transform();
    const scale = (4 / this.size) ** 2; // a sine of full scale is 0 dB
    for (let row = 0; row < this.rows; row++) {
      levels[row] = 10 * Math.log10(scale * this.#power(this.edges[row], this.edges[row + 1]) + 1e-12);
    }
  }

  /** The largest power of the bins between two places, or that between two bins where none lies there. */
  #power(low, high) {
    const at = (bin) => this.re[bin] ** 2 + this.im[bin] ** 2;
    let largest = 0;
    for (let bin = Math.ceil(low); bin < high; bin++) largest = Math.max(largest, at(bin));
    if (Math.ceil(low) < high) return largest;
    const bin = Math.floor(low);
    const share = (low + high) / 2 - bin;
    return (1 - share) * at(bin) + share * at(bin + 1);
  }

  /** The fast Fourier transform of `re` and `im`, in place. */
  #transform() {
    const { points: n, re, im } = this;
    for (let i = 1, j = 0; i < n; i++) {
      let bit = n >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
    }
    for (let half = 1; half < n; half *= 2) {
      const stride = n / (2 * half);
      for (let start = 0; start < n; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [a, b] = [start + k, start + k + half];
          const [c, s] = [this.cos[k * stride], this.sin[k * stride]];
          const x = re[b] * c + im[b] * s;
          const y = im[b] * c - re[b] * s;
          [re[b], im[b]] = [re[a] - x, im[a] - y];
          re[a] += x;
          im[a] += y;
        }
      }
    }
  }
}
