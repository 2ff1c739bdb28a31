/** The sample rate that the header of a sound file names: a browser decodes to a rate of choice and does not tell. */

/**
 * @param {ArrayBuffer} buffer a WAV, FLAC, Ogg or MP3 file
 * @returns {number | null} in Hz; null where the header is of another kind
 */
export function rateOf(buffer) {
  const bytes = new DataView(buffer);
  try {
    if (word(bytes, 0, 4) === "RIFF") return rateOfWav(bytes);
    if (word(bytes, 0, 4) === "fLaC") return bytes.getUint32(18) >>> 12;
    if (word(bytes, 0, 4) === "OggS") return rateOfOgg(bytes);
    return rateOfMp3(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null; // it ends too early
    throw error;
  }
}

const word = (bytes, at, size) =>
  String.fromCharCode(...Array.from({ length: size }, (_, i) => bytes.getUint8(at + i)));

function rateOfWav(bytes) {
  let at = 12;
  while (word(bytes, at, 4) !== "fmt ") {
    const size = bytes.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return bytes.getUint32(at + 12, true);
}

function rateOfOgg(bytes) {
  const first = 27 + bytes.getUint8(26); // behind the header of the first page
  if (word(bytes, first, 7) === "\x01vorbis") return bytes.getUint32(first + 12, true);
  return word(bytes, first, 8) === "OpusHead" ? 48000 : null;
}

function rateOfMp3(bytes) {
  let at = 0;
  if (word(bytes, 0, 3) === "ID3") {
    at = 10 + [6, 7, 8, 9].reduce((size, i) => size * 128 + bytes.getUint8(i), 0);
  }
  const header = bytes.getUint32(at);
  const [version, layer, rate] = [(header >>> 19) & 3, (header >>> 17) & 3, (header >>> 10) & 3];
  if (header >>> 21 !== 0x7ff || version === 1 || layer !== 1 || rate === 3) return null;
  return [44100, 48000, 32000][rate] / { 3: 1, 2: 2, 0: 4 }[version];
}
