"""Heads, and InfoNCE against its definition in double precision. Open_clip is the oracle of both losses in tests/peers."""

import dataclasses

import numpy as np
import pytest
import torch
from planted import unit
from small import ALIGNMENT

from astroclip_book.models.heads import MAX_SCALE, Contrast, Head, info_nce


@pytest.fixture
def pair():
    return list(map(unit, np.random.default_rng(0).normal(size=(2, 32, 8))))


def single(pair):
    return [torch.from_numpy(x).float() for x in pair]


def test_info_nce_against_its_definition(pair):
    logits = 15.5 * pair[0] @ pair[1].T
    rows = -np.log(np.exp(np.diag(logits)) / np.exp(logits).sum(1))
    columns = -np.log(np.exp(np.diag(logits)) / np.exp(logits).sum(0))
    assert info_nce(*single(pair), 15.5).item() == pytest.approx((rows.mean() + columns.mean()) / 2, rel=1e-6)


def test_a_fixed_scale_gets_no_gradient_and_a_learned_one_does(pair):
    fixed, learned = (Contrast("info_nce", 15.5, learn) for learn in (False, True))
    image, spectrum = (x.requires_grad_() for x in single(pair))
    for contrast in (fixed, learned):
        assert contrast(image, spectrum).item() == pytest.approx(info_nce(image, spectrum, 15.5).item(), rel=1e-6)
        contrast(image, spectrum).backward()
    assert fixed.log_scale.grad is None and learned.log_scale.grad != 0


@pytest.mark.parametrize(("start", "kept"), [(1e4, MAX_SCALE), (1e-3, 1.0)])
def test_a_learned_scale_is_kept_within_bounds(pair, start, kept):
    contrast = Contrast("info_nce", start, learn_scale=True)
    contrast(*single(pair))
    assert contrast.log_scale.exp().item() == pytest.approx(kept, rel=1e-5)


def test_head_gives_unit_vectors_and_is_deterministic_in_evaluation():
    config = dataclasses.replace(ALIGNMENT, layers=2, dropout=0.5, dimension=8)
    head = Head(torch.randn(20), torch.rand(20) + 0.5, config).eval()
    features = torch.randn(5, 20)
    torch.testing.assert_close(head(features).norm(dim=1), torch.ones(5))
    assert torch.equal(head(features), head(features))
    assert head(features).shape == (5, 8)


def test_dropout_on_the_embedding_puts_zeros_there():
    config = dataclasses.replace(ALIGNMENT, dropout=0.0, embedding_dropout=0.5, layers=0)
    embedded = Head(torch.zeros(20), torch.ones(20), config).train()(torch.randn(50, 20))
    assert 0.3 < (embedded == 0).float().mean() < 0.7
