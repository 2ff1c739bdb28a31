/** Reads what onnxruntime-web does not tell of an ONNX file: its metadata, and the operator of its last node. */

/** Yield [number, value] of each field of a protobuf message; a value is a number, or bytes where it has a length. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError("the file ends inside a number");
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === 0) {
      yield [Math.floor(tag / 8), varint()];
      continue;
    }
    const size = { 1: 8, 2: 0, 5: 4 }[wire];
    if (size === undefined) throw new RangeError("this is no protobuf message");
    const length = size || varint();
    const end = at + length;
    if (end > bytes.length) throw new RangeError("the file is cut short");
    yield [Math.floor(tag / 8), bytes.subarray(at, (at = end))];
  }
}

const text = (bytes) => new TextDecoder().decode(bytes);

/**
 * @param {Uint8Array} model an ONNX file
 * @returns {{metadata: Object<string, string>, last: string}}
 * @throws {RangeError} it is no ONNX file, or cut short
 */
export function aboutModel(model) {
  const metadata = {};
  let last = "";
  for (const [number, value] of fields(model)) {
    if (number === 14) {
      const entry = Object.fromEntries(fields(value)); // StringStringEntryProto: key = 1, value = 2
      metadata[text(entry[1])] = text(entry[2]);
    } else if (number === 7) {
      for (const [part, node] of fields(value)) {
        // GraphProto: node = 1; NodeProto: op_type = 4
        if (part === 1) last = text(Object.fromEntries(fields(node))[4]);
      }
    }
  }
  return { metadata, last };
}
