"""What it costs to begin: importing, asking for help, compiling the default training step.

``python -m benchmarks.startup`` prints medians of alternating runs, as ratios to importing jax alone, and how long the
step that ``jaxlisten train`` runs takes to compile, for one length of clips.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7
COMMANDS = {
    "import jax": ["-c", "import jax"],
    "import jaxlisten": ["-c", "import jaxlisten"],
    "jaxlisten --help": ["-m", "jaxlisten", "--help"],
}
COMPILE = """
import time, jax, numpy as np, jaxlisten as jl
from jaxlisten.train import default_optimizer
from jaxlisten.types import Batch, Padded
model = jl.serial(jl.models.log_mel(8000), jl.models.resnet(10))
optimizer = default_optimizer(1000)
x = Padded(np.zeros((32, 8000), np.float32), np.zeros(32, np.int32))
batch = Batch(x, np.zeros(32, np.int32), np.zeros(32, np.float32))
state = jax.block_until_ready(jl.init_train_state(model, optimizer, jax.random.key(0), batch.x))
begin = time.perf_counter()
jax.block_until_ready(jl.make_train_step(model, optimizer)(state, batch))
print(time.perf_counter() - begin)
"""


def seconds(arguments: list[str]) -> float:
    """Time a fresh Python process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    for arguments in COMMANDS.values():
        seconds(arguments)  # the first run reads the files from the disk
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(arguments))
    base = statistics.median(times["import jax"])
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"{name:20} {middle:6.2f} s  {middle / base:5.2f} times importing jax")
    compiled = [
        float(subprocess.run([sys.executable, "-c", COMPILE], check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    ]
    print(f"{'training step':20} {statistics.median(compiled):6.2f} s  to trace, compile and run once, for one length")


if __name__ == "__main__":
    main()
