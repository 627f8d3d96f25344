"""Which values dropout keeps: Philox4x32-10 by counter, as backbones_reference.py defines it.

    python3 dropout_reference.py     # compares the known answers
"""
import math

import numpy as np
import torch

M32 = np.uint64(0xFFFFFFFF)
DROP = 0x44524F50  # "DROP": second word of the key, so that other uses of the same seed draw other numbers

# Known answers of Random123's kat_vectors; then what `kept` says. test/kernels/dropout.test.ts has them, too.
PHILOX_KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
)
KEPT_KNOWN = (
    (dict(n=2, features=12, p=0.5, seed=1, step=1, layer=0), "110010011011000111010110"),
    (dict(n=2, features=12, p=0.5, seed=1, step=2, layer=0), "100011010010100110101001"),
    (dict(n=16, features=1, p=0.2, seed=7, step=450, layer=23), "1110101101111111"),
)


def philox4x32(counter, key):
    """Philox4x32-10 (Salmon et al. 2011). counter: four arrays of 32-bit words that broadcast; key: two words."""
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(c, np.uint64) for c in counter))
    k0, k1 = key
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & M32, (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & M32
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def kept(n, features, p, *, seed, step, layer):
    """Which of `features` values (in NHWC order) of each of n samples survive dropout with probability p, bool [n, features]."""
    quad = np.arange(-(-features // 4))[None, :]
    words = philox4x32((quad, np.arange(n)[:, None], step, layer), (seed & 0xFFFFFFFF, DROP))
    words = np.stack(words, -1).reshape(n, -1)[:, :features]
    return torch.from_numpy(words >= np.uint64(math.floor(p * 2**32)))


if __name__ == "__main__":
    for counter, key, known in PHILOX_KNOWN:
        assert tuple(int(w) for w in philox4x32(counter, key)) == known, (counter, key)
    for case, known in KEPT_KNOWN:
        assert "".join("01"[int(k)] for k in kept(**case).flatten()) == known, case
    print("known answers: equal")
