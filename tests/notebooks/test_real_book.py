"""`PRESET=desi`, all chapters, at toy size: pairs in the release's layout, masses in PROVABGS's, published weights."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from astropy.table import Table
from published_layouts import write_spender, write_stein
from together import execute_together, texts

from astroclip_book.data.catalog import read_catalog
from astroclip_book.data.pairs import GROUPS, create_pairs, open_rows
from bookmaking.execution import chapters
from bookmaking.presets import ROOT

FIRST, STEP = 39_627_000_000_000_007, 11  # other ids than a mock's
NETWORKS = {"image_encoder": {"depth": 18, "width": 8}, "spectrum_encoder": {"width": 8, "n_latent": 10}}
SMALL = ("features", "comparison", "alignment", "ablations", "evaluation", "analysis")


def write_release(source, path):
    """Pairs of a mock under other ids, with what the release has that a mock has not; the ids before and after."""
    with h5py.File(source) as file:
        create_pairs(path, [len(file[group]["targetids"]) for group in GROUPS])
        for group in GROUPS:
            for name in ("images", "spectra", "redshifts"):
                open_rows(path, group, name)[:] = file[group][name][:]
        ids = np.concatenate([file[group]["targetids"][:] for group in GROUPS])
    new = FIRST + STEP * np.arange(len(ids))
    rows = np.array_split(new, np.cumsum([len(open_rows(path, group, "targetids")) for group in GROUPS])[:-1])
    for group, some in zip(GROUPS, rows, strict=True):
        open_rows(path, group, "targetids")[:] = some
    open_rows(path, "0", "spectra")[0, 100] = np.nan
    open_rows(path, "1", "spectra")[0] = 0
    open_rows(path, "2", "redshifts")[0] = 1.5
    open_rows(path, "3", "targetids")[0] = new[0] + 5 * STEP  # of group 0
    return ids, new


def write_provabgs(truth, ids, new, path):
    """Masses of most of them in PROVABGS's columns, one of them failed, and magnitudes, some of them infinite."""
    known = read_catalog(truth, ids)
    mass = known["LOG_MSTAR"].copy()
    mass[1] = 0
    magnitude = np.where(np.arange(len(ids)) % 20, known["MAG_R"], np.inf)  # of no flux
    columns = {
        "TARGETID": new, "Z_HP": known["Z"], "PROVABGS_LOGMSTAR_BF": mass, "AVG_SFR": known["AVG_SFR"], "Z_MW": known["Z_MW"],
        "TAGE_MW": known["TAGE_MW"], "MAG_G": known["MAG_G"], "MAG_R": magnitude, "MAG_Z": known["MAG_Z"],
        "PROVABGS_MCMC": np.zeros((len(ids), 3, 2), np.float32),
    }  # fmt: skip
    table = Table(columns)[np.random.default_rng(0).permutation(len(ids))[: int(0.8 * len(ids))]]
    table.write(path, path="__astropy_table__", format="hdf5")


@pytest.fixture(scope="module")
def real(book, tmp_path_factory):
    """The book on real pairs: its run, and the executed cells of each page."""
    home = tmp_path_factory.mktemp("real")
    preset = yaml.safe_load((ROOT / "presets" / "desi.yaml").read_text())
    smoke = yaml.safe_load((ROOT / "presets" / "smoke.yaml").read_text())
    preset |= {section: smoke[section] for section in SMALL}
    preset["evaluation"]["bootstrap"], preset["image_encoder"]["binning"] = 5, 2
    preset["comparison"] |= {"image_epochs": 1, "spectrum_epochs": 1}
    for section, size in NETWORKS.items():
        preset[section] |= size | {"batch_size": 32}
    files = [("data", "pairs_path"), ("data", "catalog_path"), *((section, "weights_path") for section in NETWORKS)]
    for section, field in files:
        preset[section][field] = str(home / preset[section][field].removeprefix("data/"))
    ids, new = write_release(book.run / "pairs.h5", preset["data"]["pairs_path"])
    write_provabgs(book.run / "catalog.h5", ids, new, preset["data"]["catalog_path"])
    for section, write in (("image_encoder", write_stein), ("spectrum_encoder", write_spender)):
        write(preset[section]["weights_path"], **NETWORKS[section])
    (home / "desi.yaml").write_text(yaml.safe_dump(preset))
    run = home / "run"
    places = {"preset": str(home / "desi.yaml"), "run_dir": str(run), "device": "cpu"}
    return run, execute_together(chapters(), home / "executed.ipynb", **places)


def numbers(run) -> dict:
    return json.loads((run / "metrics.json").read_text())


def test_what_cannot_be_used_is_left_out(real):
    counts = numbers(real[0])["counts"]
    dropped = {name: n for name, n in counts["dropped"].items() if n}
    assert dropped == dict.fromkeys(("spectrum_not_finite", "spectrum_zero", "redshift_out_of_range", "duplicate"), 1)
    assert 0 < counts["catalog"]["positive_magnitudes"] < sum(counts[name] for name in ("train", "validation", "test"))


def test_masses_and_star_formation_come_from_the_catalogue(real):
    measured = numbers(real[0])["property"]
    assert {"redshift", "log_mstar", "log_ssfr", "log_tage_mw", "log_z_mw"} == measured.keys()


@pytest.mark.parametrize("chapter", ["02_image_encoder", "03_spectrum_encoder"])
def test_chapters_say_what_was_not_trained_and_show_the_rest(chapter, real):
    run, executed = real
    weights = yaml.safe_load((run.parent / "desi.yaml").read_text())[chapter[3:]]["weights_path"]
    outputs = str([cell.outputs for cell in executed[chapter]])
    assert f"the weights are those of `{Path(weights).name}`" in outputs
    assert outputs.count("image/png") == 2  # without that of the training
    assert numbers(run)[chapter[3:]]["frozen"]["redshift"]["n"] > 0


def test_no_chapter_calls_real_galaxies_simulated(real):
    names = [page.stem for page in chapters()]
    for name, cells in real[1].items():
        said = " ".join(texts(cells)).lower()
        for allowed in (*names, "second mock survey"):  # names of chapters in links
            said = said.replace(allowed, "")
        assert said and "mock" not in said, name
