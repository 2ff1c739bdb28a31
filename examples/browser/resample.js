/** Another sample rate, as near to soxr's "HQ" as a few lines come: that is what a listener was trained on. */

const PASSED = 0.9135; // share of the lower rate's band that stays as it is
const REJECTED_DB = 140; // of what lies beyond that band
const BLOCK = 2 ** 18;

const filters = new Map();

/**
 * @param {Float32Array} samples mono
 * @param {number} from their rate in Hz
 * @param {number} to the rate wanted, in Hz
 * @returns {Promise<Float32Array>} rounded to a whole number of samples; silence surrounds what is given
 */
export async function resampled(samples, from, to) {
  if (from === to) return samples;
  const name = `${from}/${to}`;
  if (!filters.has(name)) filters.set(name, filterFor(from, to));
  const { up, down, half, phases } = filters.get(name);
  const padded = new Float32Array(samples.length + 2 * half + 1 + down);
  padded.set(samples, half);
  const out = new Float32Array(Math.round((samples.length * to) / from));
  for (let n = 0; n < out.length; n++) {
    const taps = phases[n % up]; // n * down = up * begin + phase
    const begin = Math.floor((n * down) / up);
    let sum = 0;
    for (let k = 0; k < taps.length; k++) sum += taps[k] * padded[begin + k];
    out[n] = sum;
    if (n % BLOCK === BLOCK - 1) await new Promise((done) => setTimeout(done)); // the page stays alive
  }
  return out;
}

/** Kaiser's windowed sinc, once for each place of an output between two inputs. */
function filterFor(from, to) {
  const common = divisor(from, to);
  const [up, down] = [to / common, from / common];
  const nyquist = Math.min(from, to) / 2;
  const cut = ((1 + PASSED) * nyquist) / from; // twice the middle of the falling edge, in cycles a sample
  const width = (REJECTED_DB - 8) / ((2 * 2.285 * 2 * Math.PI * ((1 - PASSED) * nyquist)) / from);
  const beta = 0.1102 * (REJECTED_DB - 8.7);
  const half = Math.ceil(width);
  const phases = Array.from({ length: up }, (_, n) => {
    const fraction = ((n * down) % up) / up;
    const taps = Float64Array.from({ length: 2 * half + 1 }, (_, k) => {
      const t = k - half - fraction;
      return Math.abs(t) > width ? 0 : sinc(cut * t) * bessel(beta * Math.sqrt(1 - (t / width) ** 2));
    });
    const sum = taps.reduce((a, b) => a + b);
    return taps.map((tap) => tap / sum);
  });
  return { up, down, half, phases };
}

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);

/** The modified Bessel function of order zero. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-16 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
