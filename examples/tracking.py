"""A training in an outside tracker, here Weights & Biases: a callback.

`fit` calls a callback after each epoch with its row of history, a dict of numbers, and the state of the training; it
ends the training where the callback returns True. The same lines do for MLflow (`mlflow.log_metrics(row, step)`) and
others. `pip install wandb` brings this one. Without an account it writes to ./wandb, and `wandb sync` uploads that.
"""

import os

import jax
import wandb  # pyright: ignore[reportMissingImports]
from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=10)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))
model = jl.serial(jl.models.log_mel(data.sr), jl.models.linear(len(data.classes)))

run = wandb.init(
    project="jaxlisten",
    mode=os.environ.get("WANDB_MODE", "offline"),
    config={"data": data.summary(), "model": jl.to_config(model), "epochs": epochs},
)


def track(row: dict[str, float], state: jl.TrainState) -> None:
    """Hand an epoch to the tracker, and what the training has for itself."""
    run.log({**row, "step": int(state.step)}, step=int(row["epoch"]))


fitted = jl.fit(model, train, val, epochs=epochs, key=jax.random.key(0), callbacks=[track])
report = jl.evaluate(fitted, test)
run.summary.update({"test/accuracy": report.accuracy, "test/macro_f1": report.macro_f1})
run.finish()
print(f"{report.headline}; kept in {run.dir}")
