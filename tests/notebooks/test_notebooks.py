"""Every chapter, executed at PRESET=smoke: together as `make book` does, and alone as the README shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest

from astroclip_book import AstroCLIP
from astroclip_book.data.pairs import GROUPS, WAVELENGTH, Index, Pairs, create_pairs, open_rows
from bookmaking.execution import chapters
from bookmaking.presets import ROOT, load_preset
from bookmaking.second import write_coadd, write_cutout
from bookmaking.store.run import Run
from bookmaking.verify import verify
from real_sky import read_images, read_spectra

BIN = Path(sys.executable).parent


def alone(chapter: str, output: Path, *parameters: str, **environment: str) -> subprocess.CompletedProcess:
    """Execute one chapter by the line of the README."""
    read = f'"{BIN}/jupytext" --to ipynb --output - "{ROOT / chapter}"'
    command = f'{read} | "{BIN}/papermill" - "{output}" {" ".join(parameters)}'
    given = os.environ | environment
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=given)


@pytest.fixture
def copy(book, tmp_path) -> Path:
    """A copy of the run, whose steps may be made again with other parameters."""
    return shutil.copytree(book.run, tmp_path / "run")


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_sources_are_thin(chapter):
    notebook = jupytext.read(chapter)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if "parameters" in cell.metadata.get("tags", [])] == code[:1]
    for cell in code:
        assert len(cell.source.splitlines()) <= 25, f"a function of the package would be better than\n{cell.source}"


def test_every_chapter_is_executed(book):
    assert len(chapters()) >= 13
    for chapter in chapters():
        notebook = nbformat.read(book.run / "chapters" / f"{chapter.stem}.ipynb", as_version=4)
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source]
        assert counts == list(range(1, len(counts) + 1))  # in a process of its own, from the first cell to the last


def test_the_numbers_agree_with_the_reference_and_no_name_is_lost(book):
    assert "numbers agree with" in verify(Run(load_preset("smoke"), book.run))


def test_timing_and_memory_of_every_step(book):
    metrics = json.loads((book.run / "metrics.json").read_text())
    steps = json.loads((book.run / "manifest.json").read_text()).keys()
    assert steps == metrics["timing"].keys() == metrics["memory"].keys()


def test_nothing_changed_nothing_executed(book):
    result = book.build()
    assert result.returncode == 0 and "executed in" not in result.stdout
    assert str(book.site / "html" / "index.html") in result.stdout


def test_what_the_issue_form_asks_for_is_there(book):
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "reproduction.yml").read_text()
    asked = re.findall(r"`runs/<preset>/(\w+\.json)`", form)
    assert "manifest.json" in asked and all((book.run / name).is_file() for name in asked)


def test_a_chapter_alone_makes_nothing_again_whatever_the_environment(book, tmp_path):
    before, output = (book.run / "manifest.json").read_bytes(), tmp_path / "executed.ipynb"
    settings = {"MPLBACKEND": "Agg", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "book"}
    places = "-p preset smoke", f'-p run_dir "{book.run}"', "-p device cpu"
    result = alone("notebooks/04_alignment.md", output, *places, **settings)
    assert result.returncode == 0, result.stderr
    assert (book.run / "manifest.json").read_bytes() == before, "a step that was up to date was made again"
    assert "image/png" in output.read_text(encoding="utf-8")


def test_a_parameter_of_a_chapter_is_turned_in_it_alone(copy, tmp_path):
    before = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    places = "-p preset smoke", f'-p run_dir "{copy}"', "-p device cpu"
    result = alone("notebooks/05_similarity_search.md", tmp_path / "executed.ipynb", *places, "-p pool 20")
    assert result.returncode == 0, result.stderr
    after = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    assert after["similarity"]["configuration"]["evaluation"]["pool"] == 20
    assert {one for one in after if after[one]["key"] != before[one]["key"]} == {"similarity"}


def write_sample(path, pairs):
    """Twenty of the run's own test galaxies, as if they were real."""
    rows = pairs.index.where("test")[:20].reshape(len(GROUPS), -1)
    create_pairs(path, [rows.shape[1]] * len(GROUPS))
    for group, own in zip(GROUPS, rows, strict=True):
        values = pairs.images(own), pairs.spectra(own), pairs.index.redshift[own], pairs.index.targetid[own]
        for name, one in zip(("images", "spectra", "redshifts", "targetids"), values, strict=True):
            open_rows(path, group, name)[:] = one
    return f'-p sample_path "{path}"'


def test_last_chapter_asks_the_spectra_it_is_given(copy, tmp_path):
    pairs, executed = Pairs(copy / "pairs.h5", Index.load(copy / "index.h5")), tmp_path / "executed.ipynb"
    some = pairs.index.where("test")
    flux, redshift = pairs.spectra(some), pairs.index.redshift[some]
    images = pairs.images(some)[:, 27:-28, 27:-28]  # smaller than encoders take them
    np.savez(tmp_path / "sky.npz", flux=flux, redshift=redshift, wavelength=WAVELENGTH, images=images)
    given = (f'-p sky_{name} "{tmp_path / "sky.npz"}"' for name in ("spectra_path", "galaxies_path"))
    places = "-p preset smoke", f'-p run_dir "{copy}"', "-p device cpu"
    given = *given, write_sample(tmp_path / "sample.h5", pairs)
    result = alone("notebooks/11_mock_and_sky.md", executed, *places, *given)
    assert result.returncode == 0, result.stderr
    metrics = json.loads((copy / "metrics.json").read_text())
    sky, sample = metrics["sky"], metrics["sample"]
    assert (
        sample["real"]["image_to_spectrum"]["n"]
        == sample["real"]["retrieval"]["n"]
        == 20
        == sample["test"]["retrieval"]["n"]
    )
    found, n = sky["redshifts"]["sky"], np.sum((redshift > 0.02) & (redshift < 0.5))
    assert found["neighbours"]["n"] == found["template"]["n"] == found["image"]["n"] == n == sky["probe"]["n_real"]
    # The galaxies given are the mock's own: most of their redshifts are in the spectra.
    assert found["template"]["outliers"] < 0.3
    results = json.loads((copy / "sky_results.json").read_text(encoding="utf-8"))["objects"]
    results = [one for one in results if one["survey"] == "sky"]
    assert len(results) == n and all(1 <= one["rank_of_image"] <= len(some) for one in results)
    # The spectra given are the mock's own: the probe must not tell them from it.
    assert sky["probe"]["auc_ci95"][0] < 0.55
    outputs = [cell.get("outputs") for cell in nbformat.read(executed, as_version=4).cells]
    assert "Not computed without" not in str(outputs) and "not given a sample" not in str(outputs)


def test_the_chapter_on_ones_own_galaxies_asks_about_the_files_it_is_given(copy, tmp_path):
    pairs, executed = Pairs(copy / "pairs.h5", Index.load(copy / "index.h5")), tmp_path / "executed.ipynb"
    two, ivar = pairs.index.where("test")[:2], np.ones((2, WAVELENGTH.size), np.float32)
    coadd = tmp_path / "coadd-a.fits"
    write_coadd(coadd, pairs.spectra(two), ivar, pairs.index.targetid[two], pairs.index.redshift[two])
    write_cutout(tmp_path / "galaxy_1.fits", pairs.images(two)[0])
    given = f'-p spectra_files "{tmp_path}/coadd-*.fits"', f'-p image_files "{tmp_path}/galaxy_1.fits"'
    places = "-p preset smoke", f'-p run_dir "{copy}"', "-p device cpu"
    given = *given, write_sample(tmp_path / "sample.h5", pairs)
    result = alone("notebooks/12_your_own_galaxies.md", executed, *places, *given)
    assert result.returncode == 0, result.stderr
    found = json.loads((copy / "metrics.json").read_text())["sample"]["lookup"]
    assert [found[name]["n"] for name in ("image", "spectrum")] == [20, 20]
    text = executed.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in [*pairs.index.targetid[two], "galaxy_1"])
    assert "of **coadd-*.fits**" in text
    model = AstroCLIP.from_run(copy)
    # Galaxies of the run find themselves: what was written and read back is what the run was made of.
    assert model.look_up(read_spectra(coadd)).row[:, 0].tolist() == two.tolist()
    assert model.look_up(read_images(tmp_path / "galaxy_1.fits")).row[0, 0] == two[0]
