"""Compile every kernel for a GPU that need not be there, and print its instructions: `python compiled.py 90`.

Triton decides when it is imported whether it interprets kernels, so this is no test but a program.
"""

import collections
import json
import re
import sys

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from beforehand.integrations.triton import kernels

OPCODE = re.compile(r"^\s+(?:@\S+ )?([a-z]\w*(?:\.\w+)+)", re.MULTILINE)
ROUND = "*fp32 i32 fp32 fp32 fp32 *i32 *fp32 u64 i32 i32 *{} *i32"
CASES = {
    "squares of blocks": (kernels.block_squares, "*fp32 i32 *fp64", {"NEAR": 8}),
    "squares of pieces": (kernels.piece_squares, "*fp64 *i32 *i32 *fp64", {"LOG": 13}),
    "stages inside runs": (
        kernels.hadamard_pass,
        "*fp32 i32 u64 i32 i32",
        {"RUNS": 1, "LENGTH": 4096, "BEFORE": True, "AFTER": False},
    ),
    "stages between runs": (
        kernels.hadamard_pass,
        "*fp32 i32 i64 i32 i32",
        {"RUNS": 256, "LENGTH": 32, "BEFORE": False, "AFTER": True},
    ),
    **{
        f"codes of {bits} bits": (
            kernels.round_groups,
            ROUND.format("u8"),
            {"BITS": bits, "IDENTITY": bits == 2, "NEAR": 8},
        )
        for bits in (2, 3, 4)
    },
    "points": (kernels.round_groups, ROUND.format("i16"), {"BITS": 0, "IDENTITY": True, "NEAR": 8}),
    **{
        f"sums of {bits} bits": (kernels.add_points, "*u8 i32 i32 i32 *i32 *i32", {"BITS": bits, "NEAR": 4})
        for bits in (2, 3, 4)
    },
    "lanes": (kernels.fill_lanes, "*i16 i32 i32 *i64", {"WIDTH": 12, "EACH": 5, "NEAR": 1024}),
    "means": (
        kernels.decode_lanes,
        "*i32 i32 i32 i32 fp32 fp32 *fp32",
        {"WIDTH": 10, "ALONE": False, "NEAR": 1024},
    ),
}


def instructions(kernel, types, constants, architecture):
    """How often each instruction of PTX stands in a kernel, and the bytes of shared memory that it takes."""
    plain = [name for name in kernel.arg_names if name not in constants]
    types = dict(zip(plain, types.split(), strict=True)) | dict.fromkeys(constants, "constexpr")
    places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    signature = {name: types[name] for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=places)
    options = {"enable_fp_fusion": False, "num_warps": 8}
    found = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    return {"shared": found.metadata.shared, **collections.Counter(OPCODE.findall(found.asm["ptx"]))}


if __name__ == "__main__":
    print(json.dumps({name: instructions(*case, int(sys.argv[1])) for name, case in CASES.items()}))
