// The rule for memory that belongs to the caller, and that others may write to while a kernel reads it: an optimizer
// takes its step in another thread, another process writes to the file that the array maps.
//
// A kernel copies each value once, into memory of its own, and checks and uses the copy; or it reads values where they
// are, and then bounds all that it derives from them, at each reading anew: an index by what was allocated, a count by
// what was counted, a value by the range that room was made for. No comparison may decide about what is read again. The
// result may be that of any mixture of old and new values, or an error; never an access beyond an array, never a loop
// without end. (Memory that is freed or cut short meanwhile is beyond help.)
//
// tests/quantization/changing_arrays.py holds every kernel to it.
#pragma once

namespace bh {

// The value within [low, high], where NaN becomes low.
template <typename T>
constexpr T within(T value, T low, T high) {
  value = value > low ? value : low;
  return value < high ? value : high;
}

}  // namespace bh
