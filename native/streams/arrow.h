// Keys from the Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), which pyarrow,
// polars, pandas and DuckDB speak, so that none of them is needed here.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "streams/columns.h"

// The structures of that interface; their names and fields are its ABI.
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

namespace bh::streams {

// A structure that is released at its end, or was moved away before.
template <typename Structure>
class Released {
 public:
  Released() = default;
  ~Released() {
    if (it_.release) it_.release(&it_);
  }
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  Structure* operator->() { return &it_; }
  Structure& operator*() { return it_; }

  // Takes over what another structure holds, as the interface prescribes.
  void take(Structure& other) {
    it_ = other;
    other.release = nullptr;
  }

 private:
  Structure it_{};
};

using SharedArray = std::shared_ptr<Released<ArrowArray>>;

// One array of keys, or of structs with a single field, as tables of one column come. A dictionary's strings are hashed
// with this seed. Throws InvalidInput for what is no key.
Column import_arrow(const ArrowSchema& schema, const SharedArray& array, std::uint64_t seed);

// All arrays of a stream.
std::vector<Column> import_arrow(ArrowArrayStream& stream, std::uint64_t seed);

}  // namespace bh::streams
