// What native code throws; bindings translate each into its namesake of beforehand.core.errors.
#pragma once
#include <cstdio>
#include <stdexcept>
#include <string>

namespace bh {

struct InvalidInput : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

struct CapacityExceeded : std::length_error {
  using std::length_error::length_error;
};

// Bytes from outside that no version of this library can have written: truncated, damaged or forged.
struct CorruptData : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Others did not come, or answer, in time.
struct TimedOut : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What others have ended.
struct Closed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A store below this library, such as a disk or a database, has failed.
struct StorageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A number as messages show it.
inline std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace bh
