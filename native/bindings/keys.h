// How keys cross the border: integers and strings in any form that Python code holds them.
#pragma once
#include <nanobind/nanobind.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "streams/columns.h"
#include "streams/keys.h"
#include "streams/labels.h"

// Keys that a splitter cut out of a text, which lives on with them.
struct TextKeys {
  bh::streams::Column column;
};

// One key or a batch of keys. Throws InvalidInput for what is no key: nothing else is refused later, so that a batch
// counts as a whole or not at all.
class HeldKeys {
 public:
  static constexpr std::size_t kBlock = 256;  // few enough for a prefetch of the next not to stall

  // Strings are hashed with this seed.
  HeldKeys(nanobind::handle keys, std::uint64_t seed);

  bh::streams::KeyKind kind() const { return kind_; }  // none: there is no key
  bool scalar() const { return scalar_; }              // one key that came without a sequence around it
  std::size_t size() const { return rows_; }           // with nulls
  std::size_t nulls() const { return nulls_; }

  // The kind of a summary of `held` keys that takes these in; throws InvalidInput where they do not mix.
  bh::streams::KeyKind joined(bh::streams::KeyKind held) const;
  // Throws InvalidInput unless one can ask a summary of `held` keys about each of these.
  void check_query(bh::streams::KeyKind held) const;

  // The ids of rows first..last-1 without nulls; returns how many. Where some are null, `rows` says which rows these
  // are, counted from `first`. Needs no interpreter lock.
  std::size_t ids(std::size_t first, std::size_t last, std::span<std::uint64_t> ids,
                  std::span<std::uint32_t> rows) const;

  // Calls use(ids, rows, first) for block after block: ids[i] is that of row first + rows[i], or of first + i where
  // `rows` is empty. Needs no interpreter lock.
  template <typename Use>
  void each_block(const Use& use) const {
    std::array<std::uint64_t, kBlock> ids;
    std::array<std::uint32_t, kBlock> rows;
    for (std::size_t first = 0; first < rows_; first += kBlock) {
      const std::size_t last = std::min(rows_, first + kBlock);
      const std::size_t count = this->ids(first, last, ids, rows);
      use(std::span<const std::uint64_t>(ids.data(), count),
          std::span<const std::uint32_t>(rows.data(), count == last - first ? 0 : count), first);
    }
  }

  // The bytes of a string, valid until the next call; needs the interpreter lock. If the caller changed the keys
  // meanwhile, those that are there now.
  std::string_view text(std::size_t row) const;

  // These rows as Python gets keys: an array of uint64 or int64, or a list of str or bytes.
  nanobind::object take(std::span<const std::size_t> rows) const;

 private:
  struct Part {  // of a batch that came in several arrays
    std::size_t first;
    bh::streams::Column column;
  };

  bool read_scalar();
  bool read_buffer();
  bool read_arrow();
  bool read_array();
  void read_list();
  void add(bh::streams::Column column);
  const Part& part_of(std::size_t row) const;

  nanobind::object source_;
  bh::streams::KeyKind kind_ = bh::streams::KeyKind::none;
  bool scalar_ = false;
  std::size_t rows_ = 0, nulls_ = 0;
  std::uint64_t seed_, one_ = 0;  // the id of a scalar
  std::vector<Part> parts_;
  mutable std::string scratch_;
};

// A label as Python gets it: str, where bytes that are no UTF-8 show as \xNN, or bytes.
nanobind::object key_object(bh::streams::KeyKind kind, std::string_view text);
