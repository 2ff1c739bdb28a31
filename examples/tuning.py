"""Which model, which front end, which learning rate? Many are trained for a little, the best of them for longer.

`jaxlisten tune DATA --out RUN` does it without any code, and writes a page with a picture of what was tried.
"""

from common import sounds

import jaxlisten as jl

data, epochs = sounds(__doc__, epochs=18)
train, val, test = jl.data.split(data, (0.7, 0.15, 0.15))

# What is drawn from, beside the default recipe, which always takes part.
space = jl.Space(model=("linear", "mlp", "cnn1d"), front_end=("log_mel", "mfcc"), n_mels=(40,), batch_size=(32,))
found = jl.tune(train, val, test, configurations=9 if epochs > 1 else 2, epochs=epochs, space=space)

# Settings are chosen on the validation clips; what is chosen is scored on the test clips once.
print(found, end="\n\n")
print(found.report)
