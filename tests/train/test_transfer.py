"""A training that begins with what another one has learned."""

import numpy as np
import pytest

import jaxlisten as jl
from tests.train.small import KEY, MODEL, SR, TRAIN, assert_same_bits, fit, sines

TWO = [sines(classes=("high", "low"), seed=seed) for seed in (5, 6)]


@pytest.fixture(scope="module")
def source():
    return fit()


def begun(start, epochs=1):
    return fit(start.model, *TWO, init=start, epochs=epochs)


def test_the_new_end_alone_is_trained_on_frozen_layers(source):
    start = jl.transfer(source, 2, freeze=True)
    assert start.params == {}, "the front end has no weights, and those of the norm are frozen"
    probe = begun(start)
    assert list(probe.params) == ["logits"]
    assert_same_bits(probe.state["batch_norm"]["params"], source.params["batch_norm"])
    assert_same_bits(probe.state["batch_norm"]["state"], source.state["batch_norm"])
    assert probe.classes == ("high", "low")
    assert "1 epoch" not in repr(probe)
    assert set(source.heard.train) | set(TWO[0].digests()) == set(probe.heard.train)
    # What is frozen there is trained again from there.
    fine = jl.transfer(probe, 3)
    assert_same_bits(fine.params["batch_norm"], source.params["batch_norm"])
    assert "frozen" not in repr(fine.model).lower()


def test_it_begins_with_the_weights_and_trains_them(source):
    start = jl.transfer(source, 2)
    model = start.model
    assert model.names == (*MODEL.names[:-1], "logits")
    now = jl.init_train_state(model, _adam(), KEY, TRAIN.audio[0][None], init=(start.params, start.state))
    assert_same_bits(now.params["batch_norm"], source.params["batch_norm"])
    drawn = jl.init_train_state(model, _adam(), KEY, TRAIN.audio[0][None])
    assert_same_bits(now.params["logits"], drawn.params["logits"])
    fine = begun(start)
    assert np.abs(fine.params["batch_norm"]["scale"] - source.params["batch_norm"]["scale"]).max() > 1e-4


def _adam():
    import optax

    return optax.adam(1e-3)


def test_it_is_a_listener_like_any_other(source, tmp_path):
    begun(jl.transfer(source, 2, freeze=("batch_norm",)), epochs=2)
    run = tmp_path / "run"
    start = jl.transfer(source, 2, freeze=("batch_norm",))
    fitted = fit(start.model, *TWO, init=start, epochs=2, run_dir=run, report=False)
    again = jl.load(run)
    assert_same_bits((again.fitted.params, again.fitted.state), (fitted.params, fitted.state))
    assert again.predict(TWO[1].audio[0]).label in ("high", "low")
    rows = jl.embed(again, TWO[1])
    np.testing.assert_allclose(rows, jl.embed(source, TWO[1]), rtol=1e-5, atol=1e-6)


def test_a_run_that_is_resumed_begins_where_it_was(source, tmp_path):
    start = jl.transfer(source, 2)
    settings = {"init": start, "run_dir": tmp_path / "run", "report": False}
    whole = fit(start.model, *TWO, init=start, epochs=3)
    fit(start.model, *TWO, epochs=3, callbacks=[lambda row, _: row["epoch"] == 1], **settings)
    assert_same_bits(fit(start.model, *TWO, epochs=3, resume=True, **settings).params, whole.params)


def test_what_does_not_fit_is_refused(source):
    with pytest.raises(jl.InputError, match=r"no layer 'block9' in the model; its layers are log_mel, batch_norm"):
        jl.transfer(source, 2, freeze=("block9",))
    with pytest.raises(jl.InputError, match="freeze as a tuple"):
        jl.transfer(source, 2, freeze="batch_norm")
    with pytest.raises(jl.InputError, match="1 class or more, got 0"):
        jl.transfer(source, 0)
    with pytest.raises(jl.InputError, match=r"the mean of several; take one of them"):
        jl.transfer(jl.ensemble([source, source]), 2)
    start = jl.transfer(source, 2)
    with pytest.raises(jl.InputError, match="init: at batch_norm the model has no weights"):
        fit(jl.serial(jl.LogMel(SR), jl.GlobalPool(), jl.Dense(2)), *TWO, init=start)
    wide = jl.serial(jl.LogMel(SR, n_fft=256, n_mels=20), jl.BatchNorm(), jl.GlobalPool(), jl.Dense(2))
    with pytest.raises(
        jl.InputError, match=r"init: at batch_norm/\w+ the model has \[20\], those to begin with have \[16\]"
    ):
        fit(wide, *TWO, init=start)
    slow = [jl.data.arrays(list(part.audio), list(part.targets), sr=SR // 2, classes=part.classes) for part in TWO]
    with pytest.raises(jl.InputError, match="expects 8000 Hz, the data has 4000 Hz"):
        fit(start.model, *slow, init=start)


DENSE = jl.serial(
    MODEL.layers[0],
    norm=jl.Normalize(),
    mask=jl.SpecAugment(),
    dense0=jl.serial(jl.Dense(12), jl.Tanh()),
    dense1=jl.serial(jl.Dense(2), jl.BatchNorm()),
    pool=jl.GlobalPool(),
    logits=jl.Dense(3),
)


@pytest.mark.wide
def test_layers_that_are_trained_one_by_one_keep_what_goes_into_them():
    start = jl.layerwise(DENSE, TRAIN, ("dense0", "dense1"), key=KEY, epochs=200)
    assert list(start.params) == ["dense0", "dense1"]
    steps = np.concatenate([np.asarray(DENSE.log_mel.apply({}, {}, clip)[0]) for clip in TRAIN.audio])
    np.testing.assert_allclose(start.state["norm"]["mean"], steps.mean(axis=0), rtol=1e-4)
    x = (steps - steps.mean(axis=0)) / steps.std(axis=0)
    for name in ("dense0", "dense1"):
        layer, lost, given = getattr(DENSE, name), [], []
        for params, state in ((start.params[name], start.state.get(name, {})), layer.init(KEY, x)):
            given.append(np.asarray(layer.apply(params, state, x)[0]))
            rows = np.column_stack([given[-1], np.ones(len(x))])
            lost.append(np.square(x - rows @ np.linalg.lstsq(rows, x)[0]).mean())
        spread = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2 / x.size
        least = spread[given[0].shape[1] :].sum()  # what a projection on so many numbers must lose
        assert lost[0] - least < 0.5 * (lost[1] - least), f"{name} keeps more of what goes into it than at first"
        x = given[0]
    fitted = fit(DENSE, init=start, epochs=1)
    assert np.abs(fitted.params["dense0"]["dense"]["kernel"] - start.params["dense0"]["dense"]["kernel"]).max() < 0.1


@pytest.mark.parametrize("layers", [(), ("dense1", "dense0"), ("dense0", "logits"), ("dense7",)])
def test_layers_that_do_not_lie_on_each_other_cannot_be_trained_one_by_one(layers):
    with pytest.raises(jl.InputError, match="layers that lie on each other, of log_mel, norm"):
        jl.layerwise(DENSE, TRAIN, layers, key=KEY)
