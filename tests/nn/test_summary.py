"""Summaries, worked out by hand."""

import jaxlisten as jl


def rows(model, shape):
    return [(row.path, row.output, row.parameters, row.multiply_adds) for row in jl.summary(model, shape).rows]


def test_a_chain_of_features_is_counted_by_hand():
    model = jl.serial(jl.Conv1D(6, 3, stride=2), jl.BatchNorm(), jl.LSTM(4), jl.GlobalPool(), out=jl.Dense(2))
    assert rows(model, (20, 5)) == [
        ("conv1d", (10, 6), 3 * 5 * 6 + 6, 10 * 3 * 5 * 6),
        ("batch_norm", (10, 6), 12, 0),
        ("lstm", (10, 4), 16 * (6 + 4 + 1), 10 * 16 * (6 + 4)),
        ("global_pool", (4,), 0, 0),
        ("out", (2,), 10, 8),
    ]
    total = jl.summary(model, (20, 5))
    assert total.parameters == 96 + 12 + 176 + 10
    assert total.multiply_adds == 900 + 1600 + 8


def test_convolutions_over_frequency_are_counted_by_hand():
    model = jl.serial(
        jl.AddChannel(), jl.Conv2D(6, (3, 2), stride=(2, 1)), jl.MaxPool2D((1, 2)), jl.DepthwiseConv2D((3, 3)),
        jl.Dense(4), up=jl.ConvTranspose2D(3, (4, 2)),
    )  # fmt: skip
    assert rows(model, (20, 8)) == [
        ("add_channel", (20, 8, 1), 0, 0),
        ("conv2d", (10, 8, 6), 6 * 6 + 6, 10 * 8 * 6 * 6),
        ("max_pool2d", (10, 4, 6), 0, 0),
        ("depthwise_conv2d", (10, 4, 6), 9 * 6 + 6, 10 * 4 * 9 * 6),
        ("dense", (10, 4, 4), 28, 10 * 4 * 6 * 4),
        # each of 10 times 4 places meets every tap; two half steps at the ends of time are computed and cut off
        ("up", (20, 8, 3), 8 * 4 * 3 + 3, (10 + 1) * 4 * 8 * 4 * 3),
    ]


def test_branches_and_frozen_layers_are_listed_in_place_of_what_holds_them():
    model = jl.serial(base=jl.Frozen(jl.serial(jl.Dense(4))), both=jl.parallel(a=jl.Dense(3), b=jl.Conv1D(2, 70)))
    assert rows(model, (2, 80, 5)) == [
        ("base/dense", (2, 80, 4), 24, 2 * 80 * 5 * 4),
        ("both/a", (2, 80, 3), 15, 2 * 80 * 4 * 3),
        ("both/b", (2, 80, 2), 70 * 4 * 2 + 2, 2 * 80 * 70 * 4 * 2),
    ]


def test_a_front_end_counts_its_filters():
    assert rows(jl.serial(jl.LogMel(8000, n_fft=64, hop_length=40, n_mels=10)), (400,)) == [
        ("log_mel", (11, 10), 0, 11 * 33 * 10)
    ]


def alive(model, shape):
    return {row.path: row.activations for row in jl.summary(model, shape).rows}


def test_activations_are_input_and_output_of_the_layer_that_runs():
    model = jl.serial(jl.Conv1D(6, 3, stride=2), jl.Dropout(0.5), jl.Dense(4), jl.GlobalPool())
    assert alive(model, (20, 5)) == {"conv1d": 100 + 60, "dropout": 60, "dense": 60 + 40, "global_pool": 40 + 4}
    total = jl.summary(model, (20, 5))
    assert (total.activations, total.activation_bytes) == (160, 640)


def test_what_waits_for_other_branches_is_alive_too():
    wide = jl.serial(a=jl.Dense(7), b=jl.Dense(2))
    found = alive(jl.serial(both=jl.parallel(first=wide, second=jl.serial(c=jl.Dense(3), d=jl.Dense(5)))), (10, 4))
    assert found == {
        "both/first/a": 40 + 70,
        "both/first/b": 70 + 20 + 40,  # the input waits for the second branch
        "both/second/c": 40 + 30 + 20,  # what the first branch gave waits
        "both/second/d": max(30 + 50 + 20, 20 + 50 + 70),  # and both are joined
    }
    residual = alive(jl.residual(jl.Dense(9), jl.Dense(4)), (10, 4))
    assert residual == {
        "body/dense_0": 40 + 90,
        "body/dense_1": 90 + 40 + 40,
        "shortcut": 40 + 40 + 40,  # no copy of the input is made; the sum is
    }


def test_large_numbers_are_readable_in_print():
    text = str(jl.summary(jl.serial(jl.Dense(1000)), (2000,)))
    for number in ("2,001,000", "2,000,000", "3,000"):
        assert number in text.splitlines()[-1]
    assert len({len(line) for line in text.splitlines()}) == 1


def test_a_reconstruction_is_listed_on_its_way_to_the_code_and_back():
    for divergence, code in ((0.0, 2), (0.5, 4)):
        model = jl.Reconstruction(jl.Stack(3), jl.Dense(code), jl.serial(up=jl.Dense(5), out=jl.Dense(12)), divergence)
        assert rows(model, (20, 4)) == [
            ("front_end", (20, 12), 0, 0),
            ("encoder", (20, code), 12 * code + code, 20 * 12 * code),
            ("decoder/up", (20, 5), 2 * 5 + 5, 20 * 2 * 5),
            ("decoder/out", (20, 12), 5 * 12 + 12, 20 * 5 * 12),
        ]
    # The features, what is made of them, and both it and the squares of what is missing.
    assert jl.summary(model, (20, 4)).rows[-1].activations == 20 * (12 + 12 + 24)
