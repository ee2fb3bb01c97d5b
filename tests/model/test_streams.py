"""Random numbers are pure functions of what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from scssim.model.patients import Cells
from scssim.model.streams import bits, stream, uniform, words

N = 100_000
BASE = words("patients", 1, 0, 0, N)


def test_strictly_inside_the_unit_interval() -> None:
    u = uniform(BASE, stream("a"))
    assert u.dtype == np.float64 and u.shape == (N,) and u.min() > 0 and u.max() < 1


def word_with(z: int, key: np.uint64) -> np.ndarray:
    """The word whose random bits are ``z``: the finaliser backwards."""

    def unshift(x: int, by: int) -> int:
        out = x
        for _ in range(64 // by + 1):
            out = x ^ (out >> by)
        return out

    c1, c2 = (pow(c, -1, 2**64) for c in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
    z = unshift(z, 31) * c2 % 2**64
    z = unshift(z, 27) * c1 % 2**64
    return np.array([unshift(z, 30)], dtype=np.uint64) ^ key


def test_smallest_number() -> None:
    word = word_with(0, stream("a"))
    assert bits(word, stream("a"))[0] == 0
    u = uniform(word, stream("a"))
    assert 0 < u[0] < 1 and np.isfinite(special.ndtri(u[0]))


def test_largest_number() -> None:
    word = word_with(2**64 - 1, stream("a"))
    assert bits(word, stream("a"))[0] == np.uint64(2**64 - 1)
    u = uniform(word, stream("a"))
    assert 0 < u[0] < 1 and np.isfinite(special.ndtri(u[0]))


@pytest.mark.parametrize("name", [("loss", "hf10", 0, 0), ("a",), ("b",), ("noise", "back", "entry", "12")])
def test_uniform(name: tuple[str | int, ...]) -> None:
    u = uniform(BASE, stream(*name))
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    # The low bits are as good as the high ones.
    assert stats.kstest((u * 2**30) % 1, "uniform").pvalue > 1e-3
    counts = np.bincount((u * 4096).astype(int), minlength=4096)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_bit_is_fair() -> None:
    z = bits(BASE, stream("bits"))
    for i in range(64):
        share = np.count_nonzero(z >> np.uint64(i) & np.uint64(1)) / N
        assert abs(share - 0.5) < 5 * 0.5 / np.sqrt(N)


def test_no_correlation_between_streams() -> None:
    # Names as alike as they come.
    names = [
        ("loss", "hf10", 0, 0),
        ("loss", "hf10", 0, 1),
        ("loss", "hf10", 1, 0),
        ("loss", "hf11", 0, 0),
        ("a",),
        ("b",),
    ]
    z = np.stack([special.ndtri(uniform(BASE, stream(*name))) for name in names])
    r = np.corrcoef(z)[np.triu_indices(len(names), 1)]
    assert np.abs(r).max() < 4.5 / np.sqrt(N)
    r2 = np.corrcoef(z**2)[np.triu_indices(len(names), 1)]
    assert np.abs(r2).max() < 4.5 / np.sqrt(N)


def test_no_correlation_between_neighbouring_patients() -> None:
    z = special.ndtri(uniform(BASE, stream("a")))
    for lag in (1, 2, 3, 4, 5, 8, 1024, 8192):
        assert abs(np.corrcoef(z[:-lag], z[lag:])[0, 1]) < 4.5 / np.sqrt(N - lag)


def test_no_correlation_between_draws_seeds_or_purposes() -> None:
    bases = [BASE, words("patients", 1, 1, 0, N), words("patients", 2, 0, 0, N), words("reference", 1, 0, 0, N)]
    z = np.stack([special.ndtri(uniform(base, stream("a"))) for base in bases])
    assert np.abs(np.corrcoef(z)[np.triu_indices(4, 1)]).max() < 4.5 / np.sqrt(N)
    assert not any(np.intersect1d(a, b).size for i, a in enumerate(bases) for b in bases[:i])


def test_patients_and_draws_do_not_repeat_each_other() -> None:
    # Seeds made by arithmetic give patient i + 1 of one draw the luck of patient i of the next.
    grid = np.stack([words("patients", seed, draw, 0, 1000) for seed in (0, 1, 2) for draw in range(20)])
    assert np.unique(grid).size == grid.size


@settings(max_examples=60)
@given(st.integers(0, 2**63 - 1), st.integers(0, 10**7), st.integers(0, 10**6), st.integers(1, 50), st.data())
def test_any_subset_has_the_same_bits(seed: int, draw: int, start: int, count: int, data: st.DataObject) -> None:
    whole = words("patients", seed, draw, 4 * start, count)
    skip = data.draw(st.integers(0, (count - 1) // 4))
    length = data.draw(st.integers(1, count - 4 * skip))
    part = words("patients", seed, draw, 4 * (start + skip), length)
    assert np.array_equal(part, whole[4 * skip : 4 * skip + length])
    key = stream("x", seed % 7)
    assert np.array_equal(uniform(part, key), uniform(whole, key)[4 * skip : 4 * skip + length])


def test_order_and_shape_do_not_matter() -> None:
    key = stream("a")
    u = uniform(BASE[:1024], key)
    order = np.random.default_rng(0).permutation(1024)
    assert np.array_equal(uniform(BASE[:1024][order], key), u[order])
    assert np.array_equal(uniform(BASE[:1024].reshape(32, 32), key), u.reshape(32, 32))
    assert np.array_equal(uniform(BASE[:1024:7], key), u[::7])
    assert [uniform(BASE[i : i + 1], key)[0] for i in (0, 1, 999)] == [u[i] for i in (0, 1, 999)]


def test_words_are_not_changed_by_drawing_from_them() -> None:
    before = BASE[:8].copy()
    uniform(BASE[:8], stream("a"))
    assert np.array_equal(BASE[:8], before)


def test_blocks_start_at_multiples_of_four() -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        words("patients", 1, 0, 6, 4)


def test_names() -> None:
    keys = [stream(*name) for name in (("a", "b"), ("b", "a"), ("ab",), ("a", "b", 0), ("a", "b", 1), ("A", "b"))]
    assert len(set(keys)) == len(keys)
    assert stream("a", "b") == keys[0]


def test_two_names_with_one_key_are_refused() -> None:
    stream("only", 1)
    with pytest.raises(RuntimeError, match="rename one"):
        stream("only", "1")


def test_the_numbers_themselves() -> None:
    # A change of these changes every published result.
    base = words("patients", 20150901, 0, 0, 4)
    assert base.tolist() == [2782170653716220068, 4743924417162581861, 6464956542469378066, 17646201180384854890]
    u = uniform(base, stream("loss", "hf10", 0, 0))
    expected = [0.17030620762988463, 0.818780402988349, 0.8676870027401693, 0.5075844504130547]
    np.testing.assert_allclose(u, expected, rtol=1e-12)


def test_cells_draw_from_their_own_words() -> None:
    cells = Cells(BASE[:100], None, np.arange(100))
    some = cells.take(np.array([7, 3, 99]))
    for name in (("a",), ("loss", "x", 0)):
        assert np.array_equal(some.uniform(*name), cells.uniform(*name)[[7, 3, 99]])
        assert np.array_equal(some.normal(*name), special.ndtri(some.uniform(*name)))
        np.testing.assert_allclose(some.exponential(*name), -np.log(some.uniform(*name)), rtol=1e-15)
