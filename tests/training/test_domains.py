"""Domains are drawn by their shares, and each batch is its domain's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from graphrec_lm.errors import InputError
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training import BatchSampler, DomainSampler, domain_shares


def samplers() -> list[BatchSampler]:
    graphs = [BipartiteGraph(np.arange(n + 1), np.arange(n), n_items=2 * n) for n in (3, 5, 9)]
    return [BatchSampler(graph, "interaction", 2, True, seed=4) for graph in graphs]


def test_domains_come_in_their_shares():
    shares = domain_shares([1, 0, 3], [3, 5, 9])
    sampler = DomainSampler(samplers(), shares, seed=4)
    drawn = np.array([sampler.draw(step, 2)[0] for step in range(4000)])
    counts = np.bincount(drawn, minlength=3)
    assert counts[1] == 0
    expected = shares[[0, 2]] * 4000
    assert ((counts[[0, 2]] - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, 1)


def test_a_batch_is_that_of_its_domain_and_step():
    parts = samplers()
    sampler = DomainSampler(parts, domain_shares("proportional", [len(p) for p in parts]), seed=4)
    assert len(sampler) == 17
    for step in range(20):
        domain, batch = sampler.draw(step, 6)
        own, again = parts[domain].draw(step, 6), sampler.draw(step, 6)
        np.testing.assert_array_equal(batch.positives, own.positives)
        np.testing.assert_array_equal(again[1].negatives, own.negatives)
        assert again[0] == domain and batch.negatives.max() < parts[domain].graph.n_items


def test_shares():
    np.testing.assert_allclose(domain_shares("proportional", [1, 3]), [0.25, 0.75])
    np.testing.assert_allclose(domain_shares((2, 2), [1, 3]), [0.5, 0.5])
    with pytest.raises(InputError, match="2 numbers >= 0"):
        domain_shares([1, 2, 3], [1, 3])
