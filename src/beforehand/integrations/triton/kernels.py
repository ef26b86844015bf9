"""The kernels of THC on a GPU, in Triton. Every bit is that of the native kernels on the CPU.

Nothing here may round differently from `native/gradients`: no product is fused with a sum, for which each kernel must
be launched with `enable_fp_fusion=False`; nothing is divided; sums of floats run in the order of `sum_of_squares`.
"""

import triton
import triton.language as tl

BLOCK = tl.constexpr(1024)  # values whose squares are added in 16 lanes, as in native/gradients/lanes.cpp
LANES = tl.constexpr(16)
SIGNS = tl.constexpr(2 << 24)  # the domains of random numbers, as in native/support/random.h
ROUNDING = tl.constexpr(4 << 24)


@triton.jit
def block_squares(x, blocks, sums, NEAR: tl.constexpr):
    """The sum of squares of each block of 1024 values: 16 lanes one after the other, then pairwise."""
    block = tl.program_id(0) * NEAR + tl.arange(0, NEAR)
    inside = block < blocks
    lane = tl.arange(0, LANES)
    total = tl.zeros([NEAR, LANES], tl.float64)
    for i in range(0, BLOCK, LANES):
        at = block[:, None] * BLOCK + i + lane[None, :]
        value = tl.load(x + at, mask=inside[:, None], other=0.0).to(tl.float64)
        total += value * value
    for step in tl.static_range(4):
        halves = tl.permute(tl.reshape(total, [NEAR, 2, LANES >> (step + 1)]), (0, 2, 1))
        low, high = tl.split(halves)
        total = low + high
    tl.store(sums + block, tl.reshape(total, [NEAR]), mask=inside)


@triton.jit
def piece_squares(sums, starts, counts, squares, LOG: tl.constexpr):
    """The sum of each piece's blocks, neighbors first; what is missing of 2^LOG blocks counts as 0."""
    piece = tl.program_id(0)
    i = tl.arange(0, 1 << LOG)
    total = tl.load(sums + tl.load(starts + piece) + i, mask=i < tl.load(counts + piece), other=0.0)
    for step in tl.static_range(LOG):
        total = tl.sum(tl.reshape(total, [1 << (LOG - step - 1), 2]), axis=1)  # tl.split takes minutes to compile
    tl.store(squares + piece + tl.arange(0, 1), total)


@triton.jit
def _flipped(x, word, RUNS: tl.constexpr, LENGTH: tl.constexpr):
    """Change signs by the bits of words, the lowest first, one for every 32 values."""
    bit = tl.arange(0, 32).to(tl.uint32)
    minus = ((word[:, :, None] >> bit[None, None, :]) & 1) << 31
    return (x.to(tl.uint32, bitcast=True) ^ tl.reshape(minus, [RUNS * LENGTH])).to(tl.float32, bitcast=True)


@triton.jit
def _sign_words(i, seed, step, part):
    """The words that hold the signs of the 32 coordinates from each i on."""
    zero = tl.zeros_like(i)
    w0, w1, w2, w3 = tl.philox(seed, i >> 7, zero, zero + step, zero + (part | SIGNS))
    which = (i >> 5) & 3
    return tl.where(which < 2, tl.where(which == 0, w0, w1), tl.where(which == 2, w2, w3))


@triton.jit(do_not_specialize=["seed", "step", "part"])
def hadamard_pass(
    x, stride, seed, step, part,
    RUNS: tl.constexpr, LENGTH: tl.constexpr, BEFORE: tl.constexpr, AFTER: tl.constexpr,
):  # fmt: skip
    """Some stages of the transform, ascending, on a tile of `RUNS` runs of `LENGTH` values, `stride` apart.

    A single run takes the stages inside it; several take those between them, from distance `stride` on.
    """
    tiles = stride // LENGTH
    first = tl.program_id(0) // tiles * RUNS * stride + tl.program_id(0) % tiles * LENGTH
    run = first + tl.arange(0, RUNS) * stride
    at = tl.reshape(run[:, None] + tl.arange(0, LENGTH)[None, :], [RUNS * LENGTH])
    value = tl.load(x + at)
    if BEFORE or AFTER:
        word = _sign_words(run[:, None] + (tl.arange(0, LENGTH // 32) * 32)[None, :], seed, step, part)
    if BEFORE:
        value = _flipped(value, word, RUNS, LENGTH)
    near: tl.constexpr = LENGTH if RUNS > 1 else 1
    many: tl.constexpr = RUNS if RUNS > 1 else LENGTH
    for stage in tl.static_range(many.bit_length() - 1):
        pairs = tl.reshape(value, [many >> (stage + 1), 2, near << stage])
        a, b = tl.split(tl.permute(pairs, (0, 2, 1)))
        value = tl.reshape(tl.permute(tl.join(a + b, a - b), (0, 2, 1)), [RUNS * LENGTH])
    if AFTER:
        value = _flipped(value, word, RUNS, LENGTH)
    tl.store(x + at, value)


@triton.jit
def _rounded(h, draw, scale, middle, most, cells, shares, IDENTITY: tl.constexpr, CODES: tl.constexpr):
    """Codes, or points, of rotated coordinates, and which were outside the range."""
    u = h * scale + middle
    outside = (u < 0.0) | (u > most)
    u = tl.where(u > 0.0, u, 0.0)  # NaN too
    u = tl.where(u < most, u, most)
    below = u.to(tl.int32)
    threshold = draw.to(tl.float32) + 0.5
    if IDENTITY:
        rounded = below + (threshold < (u - below.to(tl.float32)) * 65536.0).to(tl.int32)
    else:
        cell = tl.load(cells + below)
        point = (cell >> 8) & 1023
        up = threshold < (u - point.to(tl.float32)) * tl.load(shares + below)
        rounded = (cell & 255) + up.to(tl.int32) if CODES else point + tl.where(up, cell >> 18, 0)
    return rounded, outside.to(tl.int32)


@triton.jit
def _drawn(
    h, words, w: tl.constexpr, inside, scale, middle, most, cells, shares, IDENTITY: tl.constexpr, CODES: tl.constexpr
):
    """Round what word w of the counters is for: `h` and what lies 256 coordinates on; and how many were outside."""
    low = tl.load(h + 64 * w, mask=inside, other=0.0)
    high = tl.load(h + (256 + 64 * w), mask=inside, other=0.0)
    low, near = _rounded(low, words[w] & 0xFFFF, scale, middle, most, cells, shares, IDENTITY, CODES)
    high, far = _rounded(high, words[w] >> 16, scale, middle, most, cells, shares, IDENTITY, CODES)
    return low, high, near + far


@triton.jit
def _planes(codes, packed, inside, NEAR: tl.constexpr):
    """Store 64 codes of 3 bits of each group: 8 bytes in each of three planes."""
    bit = tl.reshape(tl.arange(0, 8), [1, 1, 8])
    octets = tl.reshape(codes, [NEAR, 8, 8])
    for plane in tl.static_range(3):
        byte = tl.sum(((octets >> plane) & 1) << bit, axis=2)
        tl.store(packed + 64 * plane + tl.arange(0, 8)[None, :], byte.to(tl.uint8), mask=inside)


@triton.jit(do_not_specialize=["seed", "step", "part"])
def round_groups(
    h, groups, scale, middle, most, cells, shares, seed, step, part, out, outside,
    BITS: tl.constexpr, IDENTITY: tl.constexpr, NEAR: tl.constexpr,
):  # fmt: skip
    """Round groups of 512 coordinates, and pack codes of 2, 3 or 4 bits; 0 bits store the points themselves.

    One counter draws for eight coordinates: the halves of word w are for 64 w + j and for 256 + 64 w + j of its group.
    """
    group = tl.program_id(0) * NEAR + tl.arange(0, NEAR)[:, None]
    inside = group < groups
    j = tl.arange(0, 64)[None, :]
    counter = group * 64 + j
    zero = tl.zeros_like(counter)
    words = tl.philox(seed, counter, zero, zero + step, zero + (part | ROUNDING))
    at = h + group * 512 + j
    beyond = zero
    if BITS == 2:
        for w in tl.static_range(2):
            a, c, few = _drawn(at, words, w, inside, scale, middle, most, cells, shares, IDENTITY, True)
            b, d, more = _drawn(at, words, w + 2, inside, scale, middle, most, cells, shares, IDENTITY, True)
            byte = a | b << 2 | c << 4 | d << 6
            tl.store(out + group * 128 + 64 * w + j, byte.to(tl.uint8), mask=inside)
            beyond += few + more
    else:
        for w in tl.static_range(4):
            low, high, few = _drawn(at, words, w, inside, scale, middle, most, cells, shares, IDENTITY, BITS > 0)
            beyond += few
            if BITS == 4:
                tl.store(out + group * 256 + 64 * w + j, (low | high << 4).to(tl.uint8), mask=inside)
            elif BITS == 3:
                _planes(low, out + group * 192 + 8 * w, inside, NEAR)
                _planes(high, out + group * 192 + 32 + 8 * w, inside, NEAR)
            else:
                tl.store(out + group * 512 + 64 * w + j, low.to(out.dtype.element_ty), mask=inside)
                tl.store(out + group * 512 + (256 + 64 * w) + j, high.to(out.dtype.element_ty), mask=inside)
    tl.atomic_add(outside, tl.sum(tl.sum(tl.where(inside, beyond, 0), axis=1), axis=0))


@triton.jit
def add_points(messages, apart, workers, groups, points, sums, BITS: tl.constexpr, NEAR: tl.constexpr):
    """Add the points of the packed codes of all workers, whose messages lie `apart` bytes from one another."""
    group = tl.program_id(0) * NEAR + tl.arange(0, NEAR)[:, None]
    inside = group < groups
    i = tl.arange(0, 512)[None, :]
    total = tl.zeros([NEAR, 512], tl.int32)
    message = messages + group * (64 * BITS)
    for _ in range(workers):
        if BITS == 4:
            code = tl.load(message + (i & 255), mask=inside, other=0).to(tl.int32) >> 4 * (i >> 8) & 15
        elif BITS == 2:
            code = tl.load(message + (i & 127), mask=inside, other=0).to(tl.int32) >> 2 * (i >> 7) & 3
        else:
            code = tl.zeros([NEAR, 512], tl.int32)
            for plane in tl.static_range(3):
                byte = tl.load(message + 64 * plane + (i >> 3), mask=inside, other=0).to(tl.int32)
                code |= (byte >> (i & 7) & 1) << plane
        total += tl.load(points + code)
        message += apart
    tl.store(sums + group * 512 + i, total.to(sums.dtype.element_ty), mask=inside)


@triton.jit
def fill_lanes(values, size, containers, out, WIDTH: tl.constexpr, EACH: tl.constexpr, NEAR: tl.constexpr):
    """Lane l of container c holds value l * containers + c."""
    c = tl.program_id(0) * NEAR + tl.arange(0, NEAR)
    filled = tl.zeros([NEAR], tl.uint64)
    for lane in tl.static_range(EACH):
        at = lane * containers + c
        value = tl.load(values + at, mask=(c < containers) & (at < size), other=0)
        filled |= value.to(tl.uint64) << (WIDTH * lane)
    tl.store(out + c, filled.to(out.dtype.element_ty), mask=c < containers)


@triton.jit
def decode_lanes(
    sums, containers, first, size, factor, offset, out, WIDTH: tl.constexpr, ALONE: tl.constexpr, NEAR: tl.constexpr
):
    """Turn `size` sums from coordinate `first` on into floats: two roundings, no fused one. Some lie `ALONE`."""
    i = tl.program_id(0) * NEAR + tl.arange(0, NEAR)
    inside = i < size
    at = first + i
    if ALONE:
        value = tl.load(sums + at, mask=inside, other=0).to(tl.int32)
    else:
        held = tl.load(sums + at % containers, mask=inside, other=0).to(tl.uint64)
        value = (held >> (WIDTH * (at // containers)).to(tl.uint64) & ((1 << WIDTH) - 1)).to(tl.int32)
    tl.store(out + i, value.to(tl.float32) * factor - offset, mask=inside)
