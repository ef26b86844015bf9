"""Tensors that know only DLPack, as those of torch, made from numpy arrays; bfloat16 from bit patterns."""

import ctypes

BFLOAT16 = 4  # the type code of DLPack
DTYPE_AT = 20  # where a DLTensor says so


class Tensor:
    """The memory of an array behind `__dlpack__`, on the CPU unless `device` says otherwise."""

    def __init__(self, array, *, bfloat16=False, device=1):
        self.array, self.bfloat16, self.device = array, bfloat16, device

    def __dlpack__(self, **options):
        capsule = self.array.__dlpack__()
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        if self.bfloat16:
            ctypes.c_uint8.from_address(pointer(capsule, b"dltensor") + DTYPE_AT).value = BFLOAT16
        return capsule

    def __dlpack_device__(self):
        return self.device, 0
