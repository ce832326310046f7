"""The alarm for image and spectrum rows that are not the same objects."""

import logging

import numpy as np
import pytest

from astroclip_book.errors import BookError
from astroclip_book.evaluate.rows import check_rows, partner_ranks


def pairs(n, noise=1.0, seed=0):
    """Features (n, 20) and (n, 33) of objects with six properties in common."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 6))
    return tuple(common @ rng.normal(size=(6, d)) + noise * rng.normal(size=(n, d)) for d in (20, 33))


def partly(n, rows):
    """Positions of which some rows are shifted by one among themselves."""
    order = np.arange(n)
    order[rows] = np.roll(rows, 1)
    return order


@pytest.mark.parametrize("n", [256, 3000])
def test_rows_that_belong_together_pass_and_others_are_refused(n, caplog):
    image, spectrum = pairs(n)
    caplog.set_level(logging.WARNING)
    assert check_rows(image, spectrum, "features.h5")["wrong_share_ci998"][1] < 0.2
    assert not caplog.records
    for order in (np.random.default_rng(1).permutation(n), np.roll(np.arange(n), 1)):
        with pytest.raises(BookError, match=r"features.h5 do not belong together.*targetid"):
            check_rows(image, spectrum[order], "features.h5")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of scikit-learn, on constant features
def test_no_common_space_is_needed_and_chance_is_a_half():
    image, spectrum = pairs(2000)
    assert partner_ranks(image, -7 * spectrum[:, ::-1]).mean() < 0.05
    assert partner_ranks(image, np.roll(spectrum, 1, axis=0)).mean() == pytest.approx(0.5, abs=0.03)
    assert (partner_ranks(0 * image, spectrum) == 0.5).all()  # constant features rank nobody


def test_parts_out_of_order_are_named(caplog):
    image, spectrum = pairs(4000)
    tenth = partly(4000, np.random.default_rng(2).choice(4000, 400, replace=False))
    assert check_rows(image, spectrum[tenth], "a tenth")["wrong_share"] == pytest.approx(0.1, abs=0.03)
    assert "a tenth: up to 1" in caplog.text and "among them" not in caplog.text
    check_rows(image, spectrum[partly(4000, np.arange(1000, 1300))], "a block")
    assert "a block: up to " in caplog.text and "among them rows 1033 to 1161, 1162 to 1290" in caplog.text


def test_of_few_rows_nothing_is_decided_and_broken_ones_are_refused(caplog):
    caplog.set_level(logging.INFO)
    image, spectrum = pairs(10)
    for order in (1, -1):
        assert check_rows(image, spectrum[::order], "ten pairs")["wrong_share"] is None
    assert "ten pairs: 10 rows are too few" in caplog.text
    with pytest.raises(BookError, match="10 rows of images and 9 of spectra"):
        check_rows(image, spectrum[:9], "ten and nine")
    image[3, 0] = np.nan
    with pytest.raises(BookError, match="not finite"):
        check_rows(image, spectrum, "ten pairs")
