#include "streams/labels.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "support/hash.h"

namespace streams = bh::streams;

namespace {

std::string text_of(std::uint64_t number) { return std::string(number % 37, 'x') + std::to_string(number); }

// However often a slot changes hands in a batch, it shows the last of its owners; the arena stays near what it holds.
void slots_show_their_last_owner() {
  constexpr std::uint32_t kSlots = 50, kBatch = 1000;
  streams::Labels labels;
  std::vector<std::string> expected(kSlots);
  std::uint64_t drawn = 0;
  for (int batch = 0; batch < 200; ++batch) {
    std::vector<std::string> rows;
    for (std::uint32_t first = 0; first < kBatch; first += 100) {
      labels.block(first, {});
      for (std::uint32_t i = 0; i < 100; ++i) {
        const std::uint64_t number = bh::kth(0, drawn++);
        rows.push_back(text_of(number));
        if (number % 3 == 0) continue;
        const auto slot = static_cast<std::uint32_t>(number / 37 % kSlots);
        labels.took(slot, i);
        expected[slot] = rows.back();
      }
    }
    labels.settle([&](std::size_t row) -> std::string_view { return rows[row]; });
    std::size_t held = 0;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      CHECK(labels[slot] == expected[slot]);
      held += expected[slot].size();
    }
    CHECK(labels.nbytes() < 8 * held + 64 * kSlots);
  }
}

void rows_without_nulls_are_counted_from_the_first() {
  const std::array<std::string, 4> rows{"a", "null", "b", "c"};
  const std::array<std::uint32_t, 3> present{0, 2, 3};
  streams::Labels labels;
  labels.block(0, present);
  labels.took(7, 1);
  labels.took(2, 2);
  labels.settle([&](std::size_t row) -> std::string_view { return rows[row]; });
  CHECK(labels[7] == "b" && labels[2] == "c" && labels[0].empty() && labels[1'000'000].empty());
}

void a_label_may_be_replaced_by_itself_or_by_nothing() {
  streams::Labels labels;
  labels.set(0, "a label of some length");
  labels.set(1, "another");
  labels.set(0, "");
  CHECK(labels[0].empty() && labels[1] == "another");
  labels.set(0, "short");
  labels.set(1, "a much longer label, for which there is no room in the old place");
  CHECK(labels[0] == "short" && labels[1].ends_with("old place"));
  labels.clear();
  CHECK(labels[0].empty() && labels[1].empty());
}

}  // namespace

int main() {
  slots_show_their_last_owner();
  rows_without_nulls_are_counted_from_the_first();
  a_label_may_be_replaced_by_itself_or_by_nothing();
}
