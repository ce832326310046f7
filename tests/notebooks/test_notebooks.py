"""Every chapter, executed at PRESET=smoke: together as `make book` does, and alone as the README shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from together import execute_together, texts

from astroclip_book import AstroCLIP
from astroclip_book.data.pairs import GROUPS, WAVELENGTH, Index, Pairs, create_pairs, open_rows
from bookmaking.execution import chapters
from bookmaking.presets import ROOT, load_preset
from bookmaking.second import write_coadd, write_cutout
from bookmaking.store.run import Run
from bookmaking.verify import verify
from real_sky import read_images, read_spectra

BIN = Path(sys.executable).parent


def steps(run: Path) -> dict:
    return json.loads((run / "manifest.json").read_text(encoding="utf-8"))


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
    assert steps(book.run).keys() == metrics["timing"].keys() == metrics["memory"].keys()


def test_nothing_changed_nothing_executed(book):
    result = book.build()
    assert result.returncode == 0 and "executed in" not in result.stdout
    assert str(book.site / "html" / "index.html") in result.stdout


def test_what_the_issue_form_asks_for_is_there(book):
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "reproduction.yml").read_text()
    asked = re.findall(r"`runs/<preset>/(\w+\.json)`", form)
    assert "manifest.json" in asked and all((book.run / name).is_file() for name in asked)


def changed(book, run: Path) -> set[str]:
    """Names of the steps that are not recorded as in the book."""
    before, after = steps(book.run), steps(run)
    assert before.keys() == after.keys()
    return {name for name in after if after[name] != before[name]}


def test_a_chapter_alone_makes_what_its_parameters_change_and_nothing_again_whatever_the_environment(book, tmp_path):
    """By the line of the README."""
    run, output = shutil.copytree(book.run, tmp_path / "run"), tmp_path / "executed.ipynb"
    settings = {"MPLBACKEND": "Agg", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "book"}
    read = f'"{BIN}/jupytext" --to ipynb --output - "{ROOT / "notebooks/04_alignment.md"}"'
    given = f'-p preset smoke -p run_dir "{run}" -p device cpu -p alignment_epochs 1'
    command = f'{read} | "{BIN}/papermill" - "{output}" {given}'
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=os.environ | settings)
    assert result.returncode == 0, result.stderr
    assert changed(book, run) == {"alignment"}, "a step that was up to date was made again"
    assert steps(run)["alignment"]["configuration"]["alignment"]["epochs"] == 1
    assert "image/png" in output.read_text(encoding="utf-8")


def write_sample(path, pairs):
    """Twenty of the run's own test galaxies, as if they were real."""
    rows = pairs.index.where("test")[:20].reshape(len(GROUPS), -1)
    create_pairs(path, [rows.shape[1]] * len(GROUPS))
    for group, own in zip(GROUPS, rows, strict=True):
        values = pairs.images(own), pairs.spectra(own), pairs.index.redshift[own], pairs.index.targetid[own]
        for name, one in zip(("images", "spectra", "redshifts", "targetids"), values, strict=True):
            open_rows(path, group, name)[:] = one


@dataclass(frozen=True)
class Given:
    """The two last chapters, executed with files of galaxies, which are the run's own."""

    run: Path
    pairs: Pairs
    home: Path  # of the files
    said: dict[str, str]  # by chapter, what it put out


@pytest.fixture(scope="module")
def given(book, tmp_path_factory) -> Given:
    home = tmp_path_factory.mktemp("given")
    run = shutil.copytree(book.run, home / "run")
    pairs = Pairs(run / "pairs.h5", Index.load(run / "index.h5"))
    some = pairs.index.where("test")
    flux, redshift, targetid = pairs.spectra(some), pairs.index.redshift[some], pairs.index.targetid[some]
    images = pairs.images(some)
    smaller = images[:, 27:-28, 27:-28]  # than encoders take them
    np.savez(home / "sky.npz", flux=flux, redshift=redshift, wavelength=WAVELENGTH, images=smaller)
    ivar = np.ones((2, WAVELENGTH.size), np.float32)
    write_coadd(home / "coadd-a.fits", flux[:2], ivar, targetid[:2], redshift[:2])
    write_cutout(home / "galaxy_1.fits", images[0])
    write_sample(home / "sample.h5", pairs)
    files = {"sky_spectra_path": "sky.npz", "sky_galaxies_path": "sky.npz", "sample_path": "sample.h5"}
    files |= {"spectra_files": "coadd-*.fits", "image_files": "galaxy_1.fits"}
    parameters = {"preset": "smoke", "run_dir": str(run), "device": "cpu"}
    parameters |= {name: str(home / file) for name, file in files.items()}
    last = [ROOT / "notebooks" / f"{chapter}.md" for chapter in ("11_mock_and_sky", "12_your_own_galaxies")]
    cells = execute_together(last, home / "executed.ipynb", **parameters)
    return Given(run, pairs, home, {chapter: " ".join(texts(own)) for chapter, own in cells.items()})


def test_files_of_a_reader_change_the_chapters_that_read_them_alone(given, book):
    assert changed(book, given.run) == {"realism", "nuisances", "own_galaxies"}


def test_the_chapter_on_the_sky_asks_the_spectra_it_is_given(given):
    some = given.pairs.index.where("test")
    redshift = given.pairs.index.redshift[some]
    metrics = steps(given.run)["realism"]["metrics"]
    sky, sample = metrics["sky"], metrics["sample"]
    real, test = sample["real"], sample["test"]
    assert real["image_to_spectrum"]["n"] == real["retrieval"]["n"] == test["retrieval"]["n"] == 20
    found, n = sky["redshifts"]["sky"], np.sum((redshift > 0.02) & (redshift < 0.5))
    assert found["neighbours"]["n"] == found["template"]["n"] == found["image"]["n"] == n == sky["probe"]["n_real"]
    # The galaxies given are the mock's own: most of their redshifts are in the spectra.
    assert found["template"]["outliers"] < 0.3
    results = json.loads((given.run / "sky_results.json").read_text(encoding="utf-8"))["objects"]
    results = [one for one in results if one["survey"] == "sky"]
    assert len(results) == n and all(1 <= one["rank_of_image"] <= len(some) for one in results)
    # The spectra given are the mock's own: the probe must not tell them from it.
    assert sky["probe"]["auc_ci95"][0] < 0.55
    said = given.said["11_mock_and_sky"]
    assert "Not computed without" not in said and "not given a sample" not in said


def test_the_chapter_on_ones_own_galaxies_asks_about_the_files_it_is_given(given):
    found = steps(given.run)["own_galaxies"]["metrics"]["sample"]["lookup"]
    assert [found[name]["n"] for name in ("image", "spectrum")] == [20, 20]
    two, said = given.pairs.index.where("test")[:2], given.said["12_your_own_galaxies"]
    assert all(f"| `{name}` |" in said for name in [*given.pairs.index.targetid[two], "galaxy_1"])
    assert "of **coadd-*.fits**" in said
    model = AstroCLIP.from_run(given.run)
    # Galaxies of the run find themselves: what was written and read back is what the run was made of.
    assert model.look_up(read_spectra(given.home / "coadd-a.fits")).row[:, 0].tolist() == two.tolist()
    assert model.look_up(read_images(given.home / "galaxy_1.fits")).row[0, 0] == two[0]
