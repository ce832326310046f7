"""What the explorer's page is made of: small vectors, thumbnails, spectra, and text that stays text."""

import base64
import io

import numpy as np
import pytest
import torch
from packed import N, packed, unit
from PIL import Image
from small import write_encoders, write_pairs

from astroclip_book.config import Analysis
from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH, Embeddings, Pairs, index_pairs
from astroclip_book.errors import BookError
from astroclip_book.model import AstroCLIP
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from bookmaking.explorer import packing
from bookmaking.explorer.packing import byte_neighbours, categories, numbers, to_bytes
from bookmaking.explorer.page import markup
from bookmaking.explorer.predicted import before_alignment, redshift_distributions
from bookmaking.explorer.real import with_real
from bookmaking.explorer.tours import opening, tours


def test_bytes_fill_their_range_and_keep_directions():
    vectors = unit(50)
    small = to_bytes(vectors)
    assert small.dtype == np.int8 and (np.abs(small).max(axis=1) == 127).all()
    length = np.linalg.norm(small.astype(float), axis=1)
    assert ((small / length[:, None] * vectors).sum(1) > 0.9999).all()
    assert not to_bytes(np.zeros((1, 4))).any()


def test_byte_neighbours_are_those_of_a_plain_loop():
    query, gallery = to_bytes(unit(300)), to_bytes(unit(300, seed=3))
    gallery[7] = gallery[5]  # equal cosines come in the order of the gallery
    found = byte_neighbours(query, gallery, np.arange(300), 10)
    for row in (0, 5, 299):
        q = query[row].astype(int)
        score = [float(q @ g) / np.sqrt(float(g @ g)) for g in gallery.astype(int)]
        wanted = sorted((i for i in range(300) if i != row), key=lambda i: (-round(score[i], 9), i))[:10]
        assert found[row].tolist() == wanted


def test_thumbnails_are_the_centre_north_up():
    image = np.zeros((1, 152, 152, 3), np.float32)
    image[0, 140:147, 70:80] = 5  # near the end of the first axis, which is up
    image[0, 150] = 99  # beyond what is shown
    tile = packing.thumbnails(image)[0]
    assert tile.shape == (72, 72, 3)
    assert tile[:3, 34:37, 1:].min() == 255 and tile[10:].max() < 60 and tile[:, 0].max() < 60


def test_sheets_keep_each_thumbnail_in_its_place():
    colours = np.random.default_rng(0).integers(30, 220, (405, 3), np.uint8)
    files = packing.sheets(np.broadcast_to(colours[:, None, None], (405, 72, 72, 3)))
    assert len(files) == 2
    for number in (0, 19, 20, 399, 400, 404):
        sheet = np.asarray(Image.open(io.BytesIO(files[number // 400])))
        row, column = divmod(number % 400, packing.COLUMNS)
        tile = sheet[72 * row : 72 * row + 72, 72 * column : 72 * column + 72]
        assert np.abs(tile.astype(int) - colours[number]).max() <= 6  # no colour of its neighbours


def test_spectra_come_back_from_their_bytes():
    flux = 2 + np.sin(WAVELENGTH / 500)[None] * np.array([[1.0], [3.0]])
    levels, window = packing.binned_spectra(flux)
    back = window[:, :1] + levels / 255 * np.diff(window)
    np.testing.assert_allclose(back, 2 + np.sin(packing.CENTRES / 500) * np.array([[1.0], [3.0]]), atol=0.05)
    flat, window = packing.binned_spectra(np.zeros((1, N_WAVELENGTH)))
    assert np.isfinite(window).all() and not flat.any()


def test_unknown_values_and_absent_columns():
    redshift = np.array([0.1, 0.2, 0.3])
    radius, magnitude = np.array([1.0, 0, 10]), np.array([18.0, np.nan, 19])
    catalog = {"LOG_MSTAR": np.array([np.nan, 0, -99]), "MAG_R": magnitude, "HALF_LIGHT_RADIUS": radius}
    assert numbers(redshift, catalog) == [
        {"label": "redshift", "values": [0.1, 0.2, 0.3]},
        {"label": "r magnitude", "values": [18.0, None, 19.0]},
        {"label": "log half-light radius (arcsec)", "values": [0.0, None, 1.0]},
    ]
    catalog = {"ARTEFACT": np.array(["none", "chip_edge", ""]), "MERGER": np.array([True, False, True])}
    merger, artefact = categories(catalog | {"MORPHOLOGY": np.array(["", "", ""])}, {})
    assert merger == {"label": "merger", "names": ["no", "yes"], "codes": [1, 0, 1], "plain": [0]}
    assert artefact["names"] == ["chip edge", "none", "unknown"] and artefact["plain"] == [1, 2]
    # Groups beyond the tenth are put together.
    (islands,) = categories({}, {"dbscan": {"joint": np.array([0, 11, -1, 14])}, "kmeans": {}})
    assert islands == {"label": "island (joint)", "names": ["island 0", "no island", "other islands"],
                       "codes": [0, 2, 1, 2], "plain": [1, 2]}  # fmt: skip


def test_the_page_says_what_it_shows():
    content = packed()
    assert "Mock survey – simulated data; all 30 test galaxies." in markup(content)
    assert content["ids"][0] == "39600000000000001"  # as text: too long for a number of a browser
    page = markup(packed(source="real data: desi", total=9000))
    assert "Real data: desi; 30 of 9,000 test galaxies, drawn at random." in page


def test_a_real_run_knows_redshifts_alone():
    content = packed(catalog={}, analysis={"umap": {space: np.zeros((N, 2)) for space in packing.SPACES}})
    names = [column["label"] for column in content["numbers"]]
    errors = ["Δz/(1 + z) from its image", "Δz/(1 + z) from its spectrum"]
    assert names == ["redshift", *errors, "cosine of its image and spectrum"] and content["labels"] == []
    assert [tour["title"] for tour in content["tours"]] == ["A pair that looks swapped", "The worst redshift"]
    assert "<caption>30 of 30 galaxies" in markup(content)


def test_tours_lead_to_what_they_say():
    n, rng = 120, np.random.default_rng(0)
    redshift, cosine, colour = rng.uniform(0.1, 0.5, n), rng.uniform(0.5, 1, n), rng.uniform(0, 2, n)
    artefact = np.where(np.arange(n) < 6, "bright_star", "none")
    artefact[6:8] = "chip_edge"
    images = np.full((n, 10), 119)
    images[4, :3] = 0, 1, 2  # the one among most of its kind
    cosine[[7, 50]] = -0.9, -0.5  # the lowest has an artefact
    told = {"image": redshift.copy(), "spectrum": redshift}
    told["image"][60] += 0.9
    catalog = {"ARTEFACT": artefact, "MAG_R": rng.uniform(16, 19, n)}
    catalog["MAG_G"] = catalog["MAG_R"] + colour
    halo, swapped, walk, worst = tours(redshift, catalog, cosine, told, images)
    assert sorted(halo["rows"]) == list(range(6)) and halo["rows"][0] == 4 and "3 of the 10 images" in halo["text"]
    assert swapped["rows"] == [50] and "−0.50" in swapped["text"]
    assert worst["rows"] == [60]
    first = opening(catalog, n)
    assert first >= 8 and (catalog["MAG_R"][8:] < catalog["MAG_R"][first]).sum() == 2 and opening({}, n) == 0
    assert len(walk["rows"]) == 12 and (np.diff(colour[walk["rows"]]) > 0).all()
    assert np.ptp(redshift[walk["rows"]]) < 0.4 / 2 and not set(walk["rows"]) & set(range(8))


def test_neighbours_give_p_of_z_and_the_state_before_alignment():
    n, rng = 400, np.random.default_rng(0)
    z = rng.uniform(0.1, 0.5, n).astype(np.float32)
    ring = np.column_stack([np.cos(6 * z), np.sin(6 * z)]).astype(np.float32)  # where a galaxy lies tells its redshift
    split = np.arange(n) % 3  # 0 training, 1 validation, 2 test
    embeddings = Embeddings(ring, unit(n, 2), np.arange(n), z, split.astype(np.uint8))
    rows = embeddings.where("test")
    told = redshift_distributions(embeddings, rows)
    assert np.abs(told["image"]["mean"] - z[rows]).max() < 0.05 < np.abs(told["spectrum"]["mean"] - z[rows]).max()
    levels = told["image"]["levels"]
    assert levels.shape == (len(rows), 60) and (levels.max(1) == 255).all()
    peaks = (levels.argmax(1) + 0.5) / 60 * told["highest"]
    assert np.abs(peaks - z[rows]).max() < 0.05
    frozen, aligned = {"image": ring, "spectrum": ring}, ring[rows]
    config = Analysis(umap_neighbors=5, umap_min_dist=0.1, n_clusters=None, dbscan_min_samples=4)
    maps = {"image": aligned, "spectrum": aligned}
    before = before_alignment(frozen, embeddings.where("train"), rows, maps, 3, config, 0)
    near = np.abs(z[rows][before["image"]["nearest"]] - z[rows][:, None])
    assert near.shape == (len(rows), 3) and near.max() < 0.05 and before["image"]["map"].shape == (len(rows), 2)
    assert (before["image"]["nearest"] != np.arange(len(rows))[:, None]).all()


def decoded(text: str, dtype, n: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype).reshape(n, -1)


def test_the_test_set_or_a_part_of_it_is_packed(tmp_path, monkeypatch):
    index, _ = index_pairs(write_pairs(tmp_path / "pairs.h5"), 0.2, 0)
    pairs, n, test = Pairs(tmp_path / "pairs.h5", index), len(index), index.where("test")
    write_encoders(tmp_path)
    image_encoder = ImageFeatures.load(tmp_path / "image_encoder.pt")
    spectrum_encoder = SpectrumFeatures.load(tmp_path / "spectrum_encoder.pt")
    heads = torch.nn.ModuleDict({name: torch.nn.LazyLinear(32) for name in ("image", "spectrum")})
    model, every = AstroCLIP(image_encoder, spectrum_encoder, heads), np.arange(n)
    images, spectra = model.encode_images(pairs.images(every)), model.encode_spectra(pairs.spectra(every))
    embeddings = Embeddings(images[1], spectra[1], index.targetid, index.redshift, index.split)
    points = np.random.default_rng(0).normal(size=(len(test), 2))
    analysis = {"index": test, "umap": dict.fromkeys(packing.SPACES, points)}
    config = Analysis(umap_neighbors=5, umap_min_dist=0.1, n_clusters=None, dbscan_min_samples=4)
    frozen, catalog = {"image": images[0], "spectrum": spectra[0]}, {"MAG_R": every + 0.5}

    def written(most, embeddings=embeddings, frozen=frozen, real=None):
        monkeypatch.setattr(packing, "MOST", most)
        given = "mock survey", pairs, embeddings, frozen, catalog, analysis, config, 0, real
        told = packing.write_explorer(tmp_path, *given)["explorer"]
        return told, packing.read_script((tmp_path / "explorer_data.js").read_text(encoding="utf-8"))

    told, content = written(4000)
    assert told["n"] == told["total"] == 20
    assert told["bytes"] == sum((tmp_path / name).stat().st_size for name in ("explorer_data.js", "bokeh.js")) > 1e6
    assert decoded(content["vectors"]["image"], np.int8, 20).shape == (20, 32)
    assert content["numbers"][1] == {"label": "r magnitude", "values": (test + 0.5).tolist()}
    told, some = written(12)
    assert told["n"] == 12 and set(some["ids"]) < set(content["ids"]) and some["total"] == 20
    place = content["ids"].index(some["ids"][3])
    assert some["maps"]["joint"]["x"][3] == content["maps"]["joint"]["x"][place]
    # Of a sample that is the run's own file, galaxies that are on the map find themselves there.
    told, content = written(4000, *with_real(tmp_path / "pairs.h5", model, embeddings, frozen))
    ids, real = np.array(content["ids"]), np.arange(20, 80)
    assert told["n"] == content["count"] == 20 and len(ids) == len(content["redshift"]) == 80
    assert [len(column["values"]) for column in content["numbers"]] == [80, 20, 80, 80, 80]
    vectors = decoded(content["vectors"]["image"], np.int8, 80)
    before = decoded(content["before"]["image"]["nearest"], "<u2", 80)
    twins = np.isin(ids[real], ids[:20])
    assert twins.sum() > 5 and before.max() < 20
    for found in (byte_neighbours(vectors, vectors[:20], real, 1), before[real]):
        assert (ids[found[twins, 0]] == ids[real][twins]).all()
    x = np.array(content["before"]["image"]["map"]["x"])
    np.testing.assert_allclose(x[real], np.median(x[before[real]], axis=1), atol=1e-3)
    assert "Stars on the map are 60 real galaxies of a sample." in markup(content)
    assert max(max(tour["rows"]) for tour in content["tours"]) < 20
    monkeypatch.setattr(packing, "NEIGHBOURS", 20)
    with pytest.raises(BookError, match="shows 20 neighbours, and the test set has 20 galaxies"):
        written(12)
