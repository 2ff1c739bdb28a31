"""Use an exported listener where there is no jaxlisten and no JAX: onnxruntime, numpy, soundfile and soxr are enough.

    jaxlisten export RUN listener.onnx
    python examples/onnx_only.py listener.onnx dog.wav rain.ogg

Each file is heard whole, as `jaxlisten predict` hears a clip. Cut a recording that is much longer than the clips of the
training: the metadata `longest` says how many samples those have at most.
"""

import json
import sys

import numpy as np
import onnxruntime
import soundfile
import soxr

if len(sys.argv) < 3:
    sys.exit(__doc__)
onnxruntime.set_default_logger_severity(3)  # else it warns that the input `length` has a default
session = onnxruntime.InferenceSession(sys.argv[1])
about = session.get_modelmeta().custom_metadata_map
classes, sr = json.loads(about["classes"]), int(about["sr"])
for path in sys.argv[2:]:
    samples, native = soundfile.read(path, dtype="float32", always_2d=True)
    waveform = soxr.resample(samples.mean(axis=1), native, sr)
    probabilities = np.asarray(session.run(["probabilities"], {"waveform": waveform[np.newaxis]})[0])[0]
    best = np.argsort(-probabilities)[:3]
    print(f"{path}  {'  '.join(f'{classes[k]} {probabilities[k]:.1%}' for k in best)}")
