"""The page of examples/browser hears what the listener hears: in Chromium, without a screen, on real recordings."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import optax
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_onnx, to_onnx

playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'jaxlisten[browser]' brings playwright")

PAGE = Path(__file__).parent.parent / "examples" / "browser"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SR = 8000
DIGITS = {"zero": 0, "three": 3, "seven": 7}
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(
        not (PAGE / "node_modules" / "onnxruntime-web").is_dir(), reason="run npm install in examples/browser"
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A copy of the page on a server of its own: its folder and its address."""
    folder = tmp_path_factory.mktemp("site")
    for path in PAGE.glob("*.*"):
        if path.suffix in (".html", ".css", ".js"):
            shutil.copy(path, folder)
    (folder / "node_modules").symlink_to(PAGE / "node_modules")
    server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield SimpleNamespace(folder=folder, url=f"http://localhost:{server.server_port}/")
    server.shutdown()
    thread.join()
    server.server_close()


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Any]]:
    """Return what starts Chromium with more flags."""
    with playwright.sync_playwright() as started:
        yield lambda *flags: started.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def listener(real) -> jl.Listener:
    """A small network that has learnt three of the spoken digits, somewhere within a second of faint noise."""
    paths = [path for digit in DIGITS.values() for path in sorted(recordings(real, f"{digit}_*_[1-9].wav"))]
    each = len(paths) // len(DIGITS)
    noise = np.random.default_rng(0)
    clips = jl.data.arrays([placed(path, noise) for path in paths], [k for k in DIGITS for _ in range(each)], sr=SR)
    model = jl.serial(jl.LogMel(sr=SR, n_fft=256, hop_length=80, n_mels=32), jl.models.mlp(3, units=(32,)))
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        key = jax.random.key(0)
        return jl.Listener(jl.fit(model, clips, optimizer=optax.adam(5e-3), epochs=40, key=key, progress=False))


def recordings(real: Path, pattern: str) -> list[Path]:
    return list((real / "fsdd" / "recordings").glob(pattern))


def placed(path: Path, noise: np.random.Generator) -> np.ndarray:
    clip = jl.data.read(path, sr=SR)[0][: SR - 1]
    sound = 1e-3 * noise.standard_normal(SR)
    begin = noise.integers(0, SR - len(clip))
    sound[begin : begin + len(clip)] += clip
    return sound.astype(np.float32)


@pytest.fixture
def opened(site, browser, listener) -> Iterator[Any]:
    """The page with the listener beside it. Whatever it asks for comes from where it comes from."""
    listener.export(site.folder / "listener.onnx")
    with browser.new_context() as context:
        yield open_page(context, site)


def open_page(context: Any, site: SimpleNamespace) -> Any:
    page, asked = context.new_page(), list[str]()
    context.on("request", lambda request: asked.append(request.url))
    page.asked = asked
    page.goto(site.url)
    page.wait_for_function("document.getElementById('model').textContent != 'Loading …'")
    return page


def shown(page: Any) -> dict[str, float]:
    """Return the probability of each class as its bar has it."""
    bars = "Object.fromEntries([...document.querySelectorAll('#bars li')].map(bar => [bar.firstChild.textContent, "
    return page.evaluate(f"{bars}Number(bar.style.getPropertyValue('--p'))]))")


def give(page: Any, picker: str, path: Path) -> None:
    """Choose a file, and wait for an answer or for what is wrong with it."""
    page.evaluate("document.getElementById('answer').textContent = ''")
    page.set_input_files(picker, path)
    said = "['answer', 'problem'].some(id => /\\w/.test(document.getElementById(id).textContent))"
    page.wait_for_function(said)


def test_a_recording_is_heard_as_predict_hears_it(opened, site, listener, real, tmp_path):
    esc = min((real / "esc10").glob("*/*.ogg"))  # 44.1 kHz, and more than twice the longest clip of the training
    samples, sr = soundfile.read(recordings(real, "7_theo_0.wav")[0])
    soundfile.write(tmp_path / "stereo.flac", np.stack([samples, 0.3 * samples], axis=1), 2 * sr)
    for path in (*sorted(recordings(real, "[037]_jackson_0.wav")), esc, tmp_path / "stereo.flac"):
        give(opened, "#sound", path)
        expected = listener.predict(path)
        assert opened.inner_text("#about").startswith(path.name)
        assert opened.inner_text("#answer").startswith(expected.label)
        assert shown(opened) == pytest.approx(dict(expected.top), abs=1e-3)
    assert opened.is_hidden("#problem")
    assert any(url.endswith(".wasm") for url in opened.asked)
    assert not [url for url in opened.asked if not url.startswith((site.url, f"blob:{site.url}", "data:"))]


def test_probabilities_along_a_recording_are_those_of_the_window_before_each_time(opened, listener, real):
    path = recordings(real, "7_jackson_0.wav")[0]
    give(opened, "#sound", path)
    samples, _ = jl.data.read(path)
    opened.wait_for_selector("#picture[aria-busy=false]")
    seek = "time => new Promise(done => { const player = document.getElementById('player');"
    opened.evaluate(f"{seek} player.onseeked = done; player.currentTime = time; }})", 0.301)
    opened.wait_for_function("document.getElementById('moment').textContent == 'Heard up to 0.30 s'")
    expected = listener.probabilities(samples[: int(0.3 * SR)])
    assert [*shown(opened).values()] == pytest.approx(expected.tolist(), abs=1e-3)


def test_the_microphone_is_heard(chromium, site, listener, real, tmp_path):
    listener.export(site.folder / "listener.onnx")
    words = {"seven": recordings(real, "7_jackson_0.wav")[0], "three": recordings(real, "3_lucas_0.wav")[0]}
    sound = np.concatenate([placed(path, np.random.default_rng(1)) for path in words.values()])
    soundfile.write(tmp_path / "spoken.wav", np.concatenate([sound, np.zeros(SR)]), SR, subtype="PCM_16")
    fake = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
    with chromium(*fake, f"--use-file-for-fake-audio-capture={tmp_path / 'spoken.wav'}") as browser:
        page = open_page(browser.new_context(), site)
        page.click("#microphone")
        best, until = dict.fromkeys(words, 0.0), time.monotonic() + 30
        while min(best.values()) < 0.8 and time.monotonic() < until:
            page.wait_for_timeout(50)
            if page.inner_text("#moment") == "Heard now":
                best = {word: max(p, shown(page)[word]) for word, p in best.items()}
        assert min(best.values()) > 0.8
        page.wait_for_function("document.getElementById('moment').textContent == 'Heard now: it is quiet'")
        page.click("#microphone")
        assert page.inner_text("#about") == "the microphone, stopped"
        assert page.is_hidden("#problem")
        assert not [url for url in page.asked if not url.startswith((site.url, f"blob:{site.url}", "data:"))]


def onnx_of(model: jl.Layer, **settings: Any) -> Any:
    """Return the ONNX form of a model with random weights, which takes no compiling."""
    noise = np.random.default_rng(1)

    def drawn(a: Any) -> np.ndarray:
        some = noise.standard_normal(a.shape) if a.ndim > 1 else noise.uniform(0.1, 1, a.shape)
        return some.astype(np.float32) / np.sqrt(np.prod(a.shape[:-1]), dtype=np.float32)

    trees = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, SR), np.float32))
    return to_onnx(model, *jax.tree.map(drawn, trees), sr=SR, **settings)


MODELS = {
    **{name: jl.serial(jl.models.log_mel(SR), model(3)) for name, model in jl.models.MODELS.items()},
    **{name: jl.serial(front(SR), jl.models.linear(3)) for name, front in jl.models.FRONT_ENDS.items()},
    "attention": jl.serial(
        jl.models.log_mel(SR), jl.Dense(8), jl.Bidirectional(jl.GRU(4)), jl.MultiHeadSelfAttention(2, rotary=True),
        jl.LayerNorm(), jl.AttentionPool(), jl.Dense(3),
    ),
}  # fmt: skip


def test_every_model_runs_in_the_browser_as_in_onnxruntime(site, browser, real):
    samples, _ = jl.data.read(recordings(real, "7_jackson_0.wav")[0])
    run = """async ([name, samples]) => {
        const ort = await import("./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs");
        const { Listener } = await import("./listener.js");
        ort.env.wasm.numThreads = 1;
        const bytes = new Uint8Array(await (await fetch(name)).arrayBuffer());
        const listener = await Listener.load(bytes, name, ort);
        const probabilities = await listener.probabilities(Float32Array.from(samples));
        return [listener.classes, listener.sr, listener.longest, [...probabilities]];
    }"""
    page = browser.new_page()
    page.goto(site.url)
    for name, model in MODELS.items():
        whole = jl.serial(model, jl.LayerNorm())  # scores of any size become probabilities away from 0 and 1
        proto = onnx_of(whole, classes=["a", "b", "ç"], longest=4321).SerializeToString()
        (site.folder / f"{name}.onnx").write_bytes(proto)
        expected = run_onnx(proto, samples[None])[0]
        classes, sr, longest, got = page.evaluate(run, [f"{name}.onnx", samples.tolist()])
        assert (classes, sr, longest) == (["a", "b", "ç"], SR, 4321), name
        assert 0.01 < np.median(expected) < 0.99, name
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5, err_msg=name)
    page.close()


def test_what_is_wrong_is_said_in_words(opened, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "page.onnx").write_text("<html>")
    model = jl.serial(jl.models.raw(SR), jl.models.linear(2))
    numbers = onnx_of(model, classes=["a", "b"], link="identity")
    (tmp_path / "numbers.onnx").write_bytes(numbers.SerializeToString())
    del numbers.metadata_props[:]
    (tmp_path / "nameless.onnx").write_bytes(numbers.SerializeToString())
    for picker, name, message in (
        ("#sound", "text.wav", "text.wav is not a sound file that this browser can play"),
        ("#onnx", "page.onnx", "page.onnx is not an ONNX file"),
        ("#onnx", "numbers.onnx", "numbers.onnx gives predictions, not probabilities"),
        ("#onnx", "nameless.onnx", "nameless.onnx is not a listener"),
    ):
        opened.evaluate("document.getElementById('problem').textContent = ''")
        give(opened, picker, tmp_path / name)
        assert opened.inner_text("#problem").startswith(message)
    opened.evaluate("document.getElementById('problem').textContent = ''")
    opened.click("#microphone")
    opened.wait_for_function("document.getElementById('problem').textContent")
    assert opened.inner_text("#problem").startswith("There is no microphone.")
    assert opened.inner_text("#model").startswith("listener.onnx: 3 classes, 8,000 Hz")
