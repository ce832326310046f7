"""The store: what is made again, what is kept, and what is said when something is wrong."""

import dataclasses
import errno
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from small import write_pairs

from astroclip_book.data.catalog import write_catalog
from astroclip_book.data.files import lock
from astroclip_book.errors import BookError
from bookmaking import open_run
from bookmaking.presets import ROOT, load_preset, located
from bookmaking.store import keys
from bookmaking.store.recipes import CHAPTERS, STEPS, Step, chain
from bookmaking.store.run import Run

calls = []


def survey(run, scratch):
    calls.append("survey")
    (scratch / "pairs.h5").write_text("p" * run.preset.survey.n_galaxies)
    (scratch / "catalog.h5").write_text("c")
    return {"counts": {"train": run.preset.survey.n_galaxies}}


def encoder(run, scratch):
    from toy_package import depth

    calls.append("encoder")
    checkpoint = scratch / "checkpoint"
    if not checkpoint.exists():
        checkpoint.write_text("half way")
        raise KeyboardInterrupt
    run.path("pairs.h5")
    (scratch / "image_encoder.pt").write_text(checkpoint.read_text() * depth.DEPTH)


def full(run, scratch):
    raise OSError(errno.ENOSPC, "No space left on device")


TOY = {
    "survey": Step("01_mock_survey", ("pairs.h5", "catalog.h5"), ("survey",), (), survey),
    "encoder": Step("02_images", ("image_encoder.pt",), ("image_encoder",), ("survey",), encoder),
    "numbers": Step("06_numbers", ("numbers.h5",), ("evaluation.pool",), ("survey",)),
    "more": Step("07_more", (), ("evaluation.pool",), ("numbers",)),
    "full": Step("07_more", ("full.h5",), (), (), full),
}
CHAPTER = """# Numbers

```{code-cell} ipython3
:tags: [parameters]
k = 1
```

```{code-cell} ipython3
---
tags: [remove-input]
mystnb: {figure: {caption: A caption with parameters}}
---
pool = 3  # of galaxies
```
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package that a recipe imports, and two chapters, in a repository."""
    (tmp_path / "toy_package").mkdir()
    (tmp_path / "toy_package" / "__init__.py").touch()
    (tmp_path / "toy_package" / "depth.py").write_text("from .unit import ONE\nDEPTH = ONE\n")
    (tmp_path / "toy_package" / "unit.py").write_text("ONE = 1  # π\n", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    for name in ("06_numbers", "07_more"):
        (tmp_path / "notebooks" / f"{name}.md").write_text(CHAPTER)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, value in {"PACKAGES": {"toy_package"}, "READERS": set(), "ROOT": tmp_path}.items():
        monkeypatch.setattr(keys, name, value)
    for name in ("toy_package", "toy_package.depth", "toy_package.unit"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    calls.clear()
    return tmp_path


@pytest.fixture
def open_(toy):
    def run(chapter=None, **overrides):
        preset = load_preset("smoke", **overrides)
        base = dataclasses.replace(load_preset("smoke"), seed=preset.seed)
        return Run(preset, toy / "run", steps=TOY, chapter=chapter, base=base)

    return run


def make_all(run):
    run.make("survey")
    with pytest.raises(KeyboardInterrupt):
        run.make("encoder")
    run.make("encoder")
    run.record("numbers", {"counts": {"test": run.preset.evaluation.pool}}, {"numbers.h5": {"n": np.arange(3)}})
    return run


def test_a_changed_value_changes_its_step_and_what_depends_on_it(open_):
    """What a chapter changes counts for recipes, and of results for those that it records itself."""

    def changed(chapter=None, **override):
        return {name for name in TOY if open_(chapter).key(name) != open_(chapter, **override).key(name)}

    assert changed(n_galaxies=100) == {"survey", "encoder", "numbers", "more"}
    assert changed(image_encoder_epochs=9) == {"encoder"}
    assert changed(pool=3) == changed("06_numbers", pool=3) == {"numbers", "more"}
    assert changed(k=3) == changed(umap_neighbors=3) == set()
    assert changed(seed=9) == set(TOY)
    assert changed("07_more", pool=3) == {"more"}
    assert changed("07_more", k=3) == {"more"}  # though the step does not name it
    assert changed("07_more", image_encoder_epochs=9) == {"encoder", "more"}  # recipes are never made with other values


def test_keys_follow_code_and_files_beside_it_but_not_comments(toy, open_):
    def changed(path, text):
        before, kept = {name: open_().key(name) for name in TOY}, path.read_bytes() if path.exists() else None
        path.write_text(text)
        after = {name: open_().key(name) for name in TOY}
        if kept is None:
            path.unlink()
        else:
            path.write_bytes(kept)
        return {name for name in TOY if before[name] != after[name]}

    package, chapter = toy / "toy_package", toy / "notebooks" / "06_numbers.md"
    assert changed(package / "unit.py", '"""A docstring."""\n\n# a comment\nONE = 1\n') == set()
    for name in ("depth.py", "unit.py", "unit.json", "unit.css", "unit.part.js"):
        assert changed(package / name, "2\n") == {"encoder"}, name
    for name in ("other.py", "other.json"):  # that nothing imports
        assert changed(package / name, "2\n") == set()
    for part, same in {"k = 1": "k = 2", "# of galaxies": "", "A caption with": "No", "# Numbers": "Prose"}.items():
        assert changed(chapter, CHAPTER.replace(part, same)) == set()
    assert changed(chapter, CHAPTER.replace("pool = 3", "pool = 4")) == {"numbers", "more"}
    assert changed(chapter, CHAPTER.replace("pool = 3", "from toy_package import depth")) == {"numbers", "more"}


def test_code_is_read_without_running_it():
    """The keys of all steps, so that a build with nothing to do need not load torch."""
    text = """
import sys
from bookmaking.presets import load_preset
from bookmaking.store.run import STEPS, Run
run = Run(load_preset("smoke"), "none")
keys = [run.key(name) for name in STEPS]
print("torch" in sys.modules)"""
    assert subprocess.check_output([sys.executable, "-c", text], text=True).strip() == "False"


def test_a_package_of_another_version_makes_stale_what_uses_it(toy, open_, monkeypatch):
    (toy / "toy_package" / "depth.py").write_text("import sklearn.decomposition\nDEPTH = 1\n")
    make_all(open_())
    version = keys._version
    with monkeypatch.context() as patch:
        patch.setattr(keys, "_version", lambda name: version(name) + "+cpu")
        assert open_().problem("encoder") is None
    monkeypatch.setattr(keys, "_version", lambda name: "9.9" if name == "scikit-learn" else version(name))
    assert f"made with scikit-learn = '{version('scikit-learn')}', now '9.9'" in open_().problem("encoder")
    assert open_().problem("survey") is open_().problem("numbers") is None


def test_killed_step_leaves_nothing_half_written_and_resumes_unless_its_configuration_changed(open_):
    run = open_()
    run.make("survey")
    for changed in ({}, {"image_encoder_epochs": 9}, {}):  # each begins anew: without a checkpoint the encoder stops
        with pytest.raises(KeyboardInterrupt):
            open_(**changed).make("encoder")
    assert not (run.directory / "image_encoder.pt").exists()
    with pytest.raises(BookError, match="image_encoder.pt has not been made. Run the chapter 02_images"):
        run.path("image_encoder.pt")
    open_().make("encoder")
    assert open_().path("image_encoder.pt").read_text() == "half way"
    assert not (run.directory / ".partial" / "encoder").exists()


def test_stale_artefact_names_what_differs(toy, open_):
    make_all(open_())
    stale = "pairs.h5 is stale: made with survey.n_galaxies = 256, now 100. Run the chapter 01"
    with pytest.raises(BookError, match=stale):
        open_(n_galaxies=100).path("pairs.h5")
    with pytest.raises(BookError, match="image_encoder.pt is stale: its input 'survey' changed"):
        open_(n_galaxies=100).path("image_encoder.pt")
    (toy / "toy_package" / "depth.py").write_text("DEPTH = 2\n")
    with pytest.raises(BookError, match="image_encoder.pt is stale: the code that makes it changed"):
        open_().path("image_encoder.pt")


def test_truncated_and_missing_artefacts(open_):
    run = open_()
    run.make("survey")
    (run.directory / "pairs.h5").write_text("p")
    with pytest.raises(BookError, match="pairs.h5 is damaged: 1 bytes instead of 256"):
        run.path("pairs.h5")
    (run.directory / "pairs.h5").unlink()
    with pytest.raises(BookError, match="pairs.h5 is missing"):
        run.path("pairs.h5")
    run.make("survey")
    assert run.path("pairs.h5").stat().st_size == 256


def test_what_is_needed_must_be_there(open_, tmp_path):
    missing = "has not been made. Run the chapter 01_mock_survey with the same values, or `make book PRESET=smoke`"
    with pytest.raises(BookError, match=missing):
        open_().make("encoder")
    with pytest.raises(BookError, match=missing):
        open_().record("numbers", {})
    with pytest.raises(BookError, match="numbers.h5 has not been made. Run the chapter 06_numbers"):
        open_().make("numbers")
    with pytest.raises(BookError, match="`make book PRESET=<path of your mine.yaml>`"):
        Run(dataclasses.replace(load_preset("smoke"), name="mine"), tmp_path / "run", steps=TOY).make("encoder")
    with pytest.raises(BookError, match="No step makes 'nonsense.h5'"):
        open_().path("nonsense.h5")


def test_a_recipe_is_found_by_its_name_or_a_file_of_it_with_what_it_needs(monkeypatch):
    assert chain("image_encoder") == chain("image_encoder.pt") == ["survey", "index", "image_encoder"]
    with pytest.raises(BookError, match="No recipe makes 'properties'. Recipes: survey, index, "):
        chain("properties")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BookError, match="'heads.pt' is made by one process: start it without torchrun"):
        chain("heads.pt")


def test_manifest_and_metrics(open_):
    run = make_all(open_())
    record = json.loads((run.directory / "manifest.json").read_text())["survey"]
    assert record["configuration"]["survey"]["n_galaxies"] == 256
    assert record["artefacts"] == {"pairs.h5": 256, "catalog.h5": 1}
    assert {"commit", "packages", "python", "device", "finished"} <= record.keys()
    assert run.manifest["encoder"]["inputs"] == record["sha256"]
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert metrics == run.metrics and metrics["counts"] == {"train": 256, "test": 50}
    assert run.manifest["survey"]["metrics"] == {"counts": {"train": 256}}
    for name in ("survey", "numbers"):
        assert metrics["timing"][name]["wall_seconds"] >= 0 and metrics["memory"][name]["peak_rss_bytes"] > 2**20
    with h5py.File(run.path("numbers.h5")) as file:
        assert file["n"][:].tolist() == [0, 1, 2]
    open_(pool=3).record("numbers", {"counts": {"test": 3}}, {"numbers.h5": {}})
    assert open_(pool=3).metrics["counts"] == {"train": 256, "test": 3}
    assert "test" not in open_().metrics["counts"]  # of another configuration


@pytest.mark.parametrize(("text", "message"), [("{", "cannot be read"), ("[1]", "has no keys with values. Delete it")])
def test_unreadable_manifest(open_, text, message):
    run = open_()
    run.make("survey")
    (run.directory / "manifest.json").write_text(text)
    with pytest.raises(BookError, match=f"manifest.json {message}"):
        run.path("pairs.h5")


def test_full_disk_is_explained_and_keeps_what_is_made(open_):
    run = open_()
    run.make("survey")
    with pytest.raises(BookError, match=r"No space left in .*run \(\d+ MiB free\)"):
        run.make("full")
    assert run.path("pairs.h5").is_file()
    with lock(run.directory / ".partial" / "full.lock"), pytest.raises(BookError, match="Another process is making"):
        run.make("full")


def test_real_pairs_replace_the_survey(open_, tmp_path, capsys):
    pairs, catalog = tmp_path / "real.h5", tmp_path / "provabgs.h5"
    pairs.write_text("real")
    mock, real = open_(), open_(pairs_path=str(pairs))
    assert mock.source == "mock survey" and real.source == "real data: real"
    assert mock.key("encoder") != real.key("encoder")
    real.make("survey")
    assert calls == [] and f"read from {pairs}" in capsys.readouterr().out
    assert real.path("pairs.h5") == pairs and real.truth(np.arange(3)) == {}
    with pytest.raises(BookError, match="no catalogue"):
        real.path("catalog.h5")
    pairs.write_text("changed")
    assert open_(pairs_path=str(pairs)).key("survey") != real.key("survey")
    with pytest.raises(BookError, match="catalog_path: there is no file"):
        open_(pairs_path=str(pairs), catalog_path=str(catalog))
    catalog.write_text("c")
    with pytest.raises(BookError, match="catalog_path is given without pairs_path"):
        open_(catalog_path=str(catalog))


@pytest.mark.parametrize(
    ("name", "value"), [("sky_spectra_path", "a.npz"), ("spectra_files", "*.npz"), ("image_files", "a.npz")]
)
@pytest.mark.parametrize("folder", ["night [2]", "{x} *"])
def test_a_given_file_that_changed_makes_its_step_stale(toy, name, value, folder, monkeypatch):
    steps = {"survey": TOY["survey"], "asked": Step("06_numbers", (), ("sky", "own"), ("survey",))}
    (toy / folder).mkdir()
    monkeypatch.chdir(toy / folder)

    def open_again():
        return Run(load_preset("smoke", **{name: value}), toy / "run", steps=steps)

    with pytest.raises(BookError, match="spectra_path: there is no file|_files: no file matches"):
        open_again()
    Path("a.npz").write_text("first", encoding="utf-8")
    open_again().make("survey")
    open_again().record("asked", {})
    assert open_again().problem("asked") is None
    Path("a.npz").write_text("another", encoding="utf-8")
    assert "stale: made with files." in open_again().problem("asked")
    assert open_again().problem("survey") is None


def test_files_of_a_preset_lie_in_the_repository_and_are_downloaded_where_they_do_not(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.h5").write_text("pairs")
    preset = load_preset("smoke", pairs_path="data/mine.h5")
    with monkeypatch.context() as patch:
        patch.setattr("bookmaking.presets.ROOT", tmp_path)
        assert located(preset).data.pairs_path == str(tmp_path / "data" / "mine.h5")
    with pytest.raises(BookError, match="no file .*/data/nobodys.ckpt.$"):
        Run(load_preset("smoke", image_encoder_weights_path="data/nobodys.ckpt"), tmp_path / "run", steps={})
    release = "data/absent/astroclip_desi.1.1.5.h5"
    with pytest.raises(BookError, match=f"no file .*/{release}. Run `make data DATASET=desi`"):
        Run(load_preset("desi", pairs_path=release), tmp_path / "run", steps={})


def test_open_run_takes_the_values_of_a_notebook_as_libraries_give_them(tmp_path):
    place = {"preset": "smoke", "device": "cpu"}
    given = {"artefacts": ("chip_edge",), "n_galaxies": np.int32(199), "image_depth": np.float32(0.5)}
    run = open_run(run_dir=tmp_path, seed=None, k=np.int64(16), **place, **given)
    assert (run.preset.survey.artefacts, run.preset.survey.n_galaxies, run.directory) == (["chip_edge"], 199, tmp_path)
    assert (run.preset.evaluation.k, run.preset.survey.image_depth, run.preset.seed) == (16, 0.5, 0)
    (tmp_path / "real.h5").write_text("pairs")
    assert open_run(**place, pairs_path=tmp_path / "real.h5").source == "real data: real"
    assert open_run(preset=ROOT / "presets" / "smoke.yaml", device="cpu").directory == ROOT / "runs" / "smoke"


@pytest.mark.parametrize("device", ["mps", "gpu", "cuda:0"])
def test_open_run_refuses_devices_that_it_does_not_know(device):
    with pytest.raises(BookError, match=f"device must be 'auto', 'cpu' or 'cuda', not '{device}'"):
        open_run(preset="smoke", device=device)


def test_a_run_that_is_forgotten_is_not_watched_any_more(tmp_path):
    others = set(threading.enumerate())
    for _ in range(2):
        open_run(chapter="05_similarity_search", preset="smoke", run_dir=tmp_path, device="cpu")
    for thread in set(threading.enumerate()) - others:
        thread.join(10)
        assert not thread.is_alive()


def test_later_chapters_take_seed_and_data_from_the_first(tmp_path):
    (tmp_path / "real.h5").write_text("pairs")
    place = {"preset": "smoke", "run_dir": tmp_path, "device": "cpu"}
    first = open_run(chapter="01_mock_survey", **place, seed=5, pairs_path=tmp_path / "real.h5")
    record = {"index": {"configuration": first._identity("index")["configuration"]}}
    (tmp_path / "manifest.json").write_text(json.dumps(record))
    later = open_run(chapter="06_redshift_and_mass", **place)
    assert (later.preset.seed, later.source) == (5, "real data: real")
    assert later.key("index") == first.key("index")
    again = open_run(chapter="01_mock_survey", **place)
    assert (again.preset.seed, again.source) == (0, "mock survey")


# A value other than the preset's of each parameter that a chapter shows.
OTHER = {
    "n_galaxies": 300, "magnitude_limit": 19.0, "image_depth": 0.5, "artefact_fraction": 0.1, "artefacts": ["chip_edge"],
    "image_encoder_epochs": 1, "temperature": 0.5, "queue_size": 64, "spectrum_encoder_epochs": 1, "n_latent": 4,
    "blind_weight": 0.0, "logit_scale": 2.74, "alignment_epochs": 3, "alignment_batch_size": 16, "k": 32, "bootstrap": 20,
    "pool": 20, "grid": "long", "ablations_seeds": 2, "ablations_epochs": 2, "umap_neighbors": 5, "n_clusters": 3,
    "dbscan_min_samples": 5, "seed": 5, "pairs_path": "a.h5", "catalog_path": "a.h5", "sky_spectra_path": "a.npz",
    "sky_galaxies_path": "a.npz", "sky_more_files": "a.npz", "sample_path": "a.h5", "spectra_files": "a.npz", "image_files": "a.npz",
}  # fmt: skip


@pytest.mark.parametrize("chapter", [path.stem for path in sorted((ROOT / "notebooks").glob("*.md"))])
def test_each_parameter_of_a_chapter_can_be_turned_in_it_alone(chapter, tmp_path, monkeypatch):
    """It changes what the chapter makes or records, and nothing of what it reads; a value of another type is refused by name."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.h5", "a.npz"):
        Path(name).write_text("given", encoding="utf-8")
    page = (ROOT / "notebooks" / f"{chapter}.md").read_text(encoding="utf-8")
    cell = re.search(r"tags: \[parameters.*?\]\n\n?(.*?)```", page, re.DOTALL)[1]
    own = {name for name in CHAPTERS[chapter] if STEPS[name].chapter == chapter}
    given = {"chapter": chapter, "preset": "smoke", "run_dir": tmp_path, "device": "cpu"}
    before = open_run(**given)
    for name in set(re.findall(r"^(\w+) =", cell, re.MULTILINE)) - given.keys():
        values = {name: OTHER[name], **({"pairs_path": "a.h5"} if name == "catalog_path" else {})}
        after = open_run(**given, **values)
        changed = {step for step in CHAPTERS[chapter] if before.key(step) != after.key(step)}
        assert changed and changed <= own, name
        with pytest.raises(BookError, match=rf"{name.rpartition('_')[2]}\b.*\bnot {{'ill': 1}}"):
            open_run(**given, **values | {name: {"ill": 1}})


@pytest.mark.parametrize("name", ["redshift", "log_mstar"])
def test_a_sample_without_spread_is_refused_before_anything_is_trained(name, tmp_path):
    pairs, catalog = write_pairs(tmp_path / "pairs.h5"), tmp_path / "catalog.h5"
    targetid = np.add.outer(1000 * np.arange(10), np.arange(10)).ravel()
    mass = np.full(100, 10.5) if name == "log_mstar" else np.linspace(9, 11, 100)
    write_catalog(catalog, {"TARGETID": targetid, "LOG_MSTAR": mass})
    if name == "redshift":
        with h5py.File(pairs, "r+") as file:
            for group in file.values():
                group["redshifts"][:] = 0.25
    run = Run(load_preset("smoke", pairs_path=str(pairs), catalog_path=str(catalog)), tmp_path / "run")
    with pytest.raises(BookError, match=rf"{name} is (0.25|10.5) for all objects of .*pairs.h5: use pairs that differ"):
        run.make("index")


@pytest.mark.parametrize("components", [81, 1000])
def test_more_components_than_training_galaxies_are_refused_in_words(components, tmp_path):
    given = {"pairs_path": str(write_pairs(tmp_path / "pairs.h5")), "components": components}
    run = Run(load_preset("smoke", **given), tmp_path / "run")
    n_train = run.make("index")["counts"]["train"]
    with pytest.raises(
        BookError, match=f"comparison.components is {components}, and the training galaxies are {n_train}"
    ):
        STEPS["image_comparison"].make(run, tmp_path)
