"""Every chapter, executed at PRESET=smoke: together as `make book` does, and alone as the README shows."""

import json
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
from astroclip_book.data.pairs import WAVELENGTH, Index, Pairs
from bookmaking.execution import chapters
from bookmaking.presets import ROOT, load_preset
from bookmaking.second import write_coadd, write_cutout
from bookmaking.store.run import Run
from bookmaking.verify import verify
from real_sky import read_images, read_spectra

BIN = Path(sys.executable).parent


def alone(chapter: Path, output: Path, *parameters: str) -> subprocess.CompletedProcess:
    """Execute one chapter by the line of the README."""
    text = f'"{BIN}/jupytext" --to ipynb --output - "{chapter}" | "{BIN}/papermill" - "{output}" {" ".join(parameters)}'
    return subprocess.run(text, shell=True, capture_output=True, text=True, check=False)


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
        assert counts == list(
            range(1, len(counts) + 1)
        )  # alone, in a process of its own, from the first cell to the last


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


@pytest.mark.parametrize("chapter", ["notebooks/04_alignment.md", "book/introduction.md"])
def test_a_chapter_alone_makes_nothing_again(book, chapter, tmp_path):
    """One that makes steps, one that reads all; of each, the build tells that it runs alone, and a second that nothing is stale."""
    before = (book.run / "manifest.json").read_bytes()
    places = "-p preset smoke", f'-p run_dir "{book.run}"', "-p device cpu"
    result = alone(ROOT / chapter, tmp_path / "executed.ipynb", *places)
    assert result.returncode == 0, result.stderr
    assert (book.run / "manifest.json").read_bytes() == before, "a step that was up to date was made again"


def test_last_chapter_asks_the_spectra_it_is_given(book, tmp_path):
    run = tmp_path / "run"  # a copy: the step is made again with other parameters
    shutil.copytree(book.run, run)
    pairs = Pairs(run / "pairs.h5", Index.load(run / "index.h5"))
    some = pairs.index.where("test")
    flux, redshift = pairs.spectra(some), pairs.index.redshift[some]
    np.savez(tmp_path / "sky.npz", flux=flux, redshift=redshift, wavelength=WAVELENGTH)
    given = f'-p sky_spectra_path "{tmp_path / "sky.npz"}"', f'-p sky_images_path "{run / "pairs.h5"}"'
    chapter, executed = ROOT / "notebooks" / "11_mock_and_sky.md", tmp_path / "executed.ipynb"
    result = alone(chapter, executed, "-p preset smoke", f'-p run_dir "{run}"', "-p device cpu", *given)
    assert result.returncode == 0, result.stderr
    sky = json.loads((run / "metrics.json").read_text())["sky"]
    assert sky["transfer"]["redshift"]["n"] == np.sum((redshift > 0.02) & (redshift < 0.5)) == sky["probe"]["n_real"]
    # The spectra given are the mock's own: the probe must not tell them from it.
    assert sky["probe"]["auc_ci95"][0] < 0.55
    outputs = [str(cell.get("outputs")) for cell in nbformat.read(executed, as_version=4).cells]
    assert "Left out for want of" not in "".join(outputs)


def test_the_chapter_on_ones_own_galaxies_asks_about_the_files_it_is_given(book, tmp_path):
    run = tmp_path / "run"  # a copy: the step is made again with other parameters
    shutil.copytree(book.run, run)
    pairs = Pairs(run / "pairs.h5", Index.load(run / "index.h5"))
    two, ivar = pairs.index.where("test")[:2], np.ones((2, WAVELENGTH.size), np.float32)
    write_coadd(
        tmp_path / "coadd-a.fits", pairs.spectra(two), ivar, pairs.index.targetid[two], pairs.index.redshift[two]
    )
    write_cutout(tmp_path / "galaxy_1.fits", pairs.images(two)[0])
    given = f'-p spectra_files "{tmp_path}/coadd-*.fits"', f'-p image_files "{tmp_path}/galaxy_1.fits"'
    chapter, executed = ROOT / "notebooks" / "12_your_own_galaxies.md", tmp_path / "executed.ipynb"
    result = alone(chapter, executed, "-p preset smoke", f'-p run_dir "{run}"', "-p device cpu", *given)
    assert result.returncode == 0, result.stderr
    objects = json.loads((run / "metrics.json").read_text())["own"]["objects"]
    assert [one["name"] for one in objects["spectrum"]] == [str(one) for one in pairs.index.targetid[two]]
    assert [one["name"] for one in objects["image"]] == ["galaxy_1"]
    model = AstroCLIP.from_run(run)
    # Galaxies of the run find themselves: what was written and read back is what the run was made of.
    assert model.look_up(read_spectra(tmp_path / "coadd-a.fits")).row[:, 0].tolist() == two.tolist()
    assert model.look_up(read_images(tmp_path / "galaxy_1.fits")).row[0, 0] == two[0]
    assert "of **coadd-*.fits**" in "".join(
        str(cell.get("outputs")) for cell in nbformat.read(executed, as_version=4).cells
    )


def test_unknown_parameter_is_refused(book, tmp_path):
    chapter = ROOT / "notebooks" / chapters()[0].name
    places = "-p preset smoke", f'-p run_dir "{book.run}"'
    result = alone(chapter, tmp_path / "executed.ipynb", *places, "-p n_galaxie 9")
    assert result.returncode != 0
    assert "Unknown parameter 'n_galaxie'. Did you mean 'n_galaxies'?" in result.stderr
