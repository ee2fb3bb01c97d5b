"""Random numbers as pure functions of what they are for.

Every random quantity is a function of (seed, draw, patient, stream name, occurrence, k)
and of nothing else. A Philox generator, with its key and counter set directly, gives each
(draw, patient) one 64-bit *word*; a stream is a 64-bit key hashed from its name; and the
uniform number is the SplitMix64 finaliser [1]_ of word XOR key. Hence it does not matter in which
order, in which block or for which subset of patients numbers are drawn.

One hash costs about as much as one Philox uniform on a full block and is as cheap per
element on any subset, so there is only this one mechanism.

References
----------
.. [1] Steele GL, Lea D, Flood CH. Fast splittable pseudorandom number generators. OOPSLA 2014.
   Constants: variant 13 of D. Stafford, "Better bit mixing", 2011.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_C1, _C2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Added k times to a word for the k-th repetition (the increment of SplitMix64)."""

_names: dict[int, tuple[str | int, ...]] = {}


@lru_cache(maxsize=65536)
def stream(*name: str | int) -> np.uint64:
    """Key of a named stream.

    Parameters
    ----------
    *name
        Parts of the name, e.g. ``stream("loss", "hf10", 0)``.

    Returns
    -------
    uint64
        The first eight bytes of the BLAKE2b hash of the name.

    Raises
    ------
    RuntimeError
        If two names of this process hash to the same key (chance 1e-13 for 1,000 streams).
    """
    text = "\x1f".join(str(part) for part in name)
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    if _names.setdefault(key, name) != name:
        raise RuntimeError(f"streams {_names[key]} and {name} have the same key; rename one of them")
    return np.uint64(key)


def words(purpose: str, seed: int, draw: int, first: int, count: int) -> Words:
    """One 64-bit word for each of ``count`` consecutive individuals of one draw.

    Parameters
    ----------
    purpose
        Family of individuals, e.g. ``patients``, ``reference``, ``parameters``.
    seed, draw
        Seed of the run and index of the draw.
    first
        Index of the first individual, a multiple of 4 (a Philox counter yields four words).
    count
        How many words.

    Returns
    -------
    ndarray of uint64, shape (count,)
    """
    if first % 4:
        raise ValueError(f"blocks start at multiples of 4, not at {first}")
    digest = hashlib.blake2b(f"{purpose}\x1f{seed}".encode(), digest_size=16).digest()
    key = np.frombuffer(digest, dtype=np.uint64)
    generator = np.random.Philox(key=key, counter=np.array([first // 4, draw, 0, 0], dtype=np.uint64))
    return generator.random_raw(count)


def bits(base: Words, key: np.uint64 | Words) -> Words:
    """64 random bits per word for one stream (or a stream for each): the SplitMix64 finaliser of ``base ^ key``."""
    z = base ^ key
    t = z >> _S30
    z ^= t
    z *= _C1
    np.right_shift(z, _S27, out=t)
    z ^= t
    z *= _C2
    np.right_shift(z, _S31, out=t)
    z ^= t
    return z


def uniform(base: Words, key: np.uint64) -> Floats:
    """Uniform numbers strictly inside (0, 1), one per word, with 52 random bits.

    Parameters
    ----------
    base
        Words of the individuals, any shape.
    key
        Key of the stream.

    Returns
    -------
    ndarray
        Same shape as ``base``.
    """
    return unit(counts(base, key))


def counts(base: Words, key: np.uint64 | Words) -> Words:
    """Random whole numbers from 0 to 2^52 - 1; `unit` makes uniform numbers of them."""
    z = bits(base, key)
    z >>= _S12
    return z


def unit(count: Words) -> Floats:
    """Uniform numbers ``(count + 1/2) / 2^52``."""
    u = count.astype(np.float64)
    u += 0.5
    u *= 2.0**-52
    return u


def first_not_below(p: ArrayLike) -> Words:
    """Lowest count whose uniform number is not below ``p``: comparing counts saves making uniforms of them."""
    return np.ceil(np.clip(p, 0.0, 1.0) * 2.0**52 - 0.5).astype(np.uint64)
