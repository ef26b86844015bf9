#include "streams/model.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"
#include "support/errors.h"

namespace {

using bh::streams::Kind, bh::streams::Model;

bool refused(const std::vector<std::byte>& bytes) {
  try {
    Model::from_bytes(bytes);
  } catch (const bh::CorruptData&) {
    return true;
  }
  return false;
}

void models_come_back() {
  const Model model{Kind::key_bits, 1, 1000, 2.5e-8, std::vector<std::byte>(13, std::byte{7})};
  const std::vector<std::byte> bytes = model.to_bytes();
  CHECK(bytes.size() == 80 + 16 + 16 + 16);
  const Model again = Model::from_bytes(bytes);
  CHECK(again.kind == model.kind && again.key_kind == 1 && again.horizon == 1000 && again.seconds == 2.5e-8);
  CHECK(again.content == model.content);
}

void every_damaged_byte_is_noticed() {
  const std::vector<std::byte> bytes = Model{Kind::lookup_table, 4, 9, 1e-9, {std::byte{1}}}.to_bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::vector<std::byte> damaged = bytes;
    damaged[i] ^= std::byte{4};
    CHECK(refused(damaged));
    CHECK(refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(i)}));
  }
}

void what_no_predictor_says_is_refused() {
  for (const auto seconds : {-1.0, HUGE_VAL, std::nan("")})
    CHECK(refused(Model{Kind::constant, 0, 0, seconds, {}}.to_bytes()));
  CHECK(refused(Model{Kind::window, 0, 0, 0, {}}.to_bytes()));
  CHECK(refused(Model{Kind{21}, 0, 0, 0, {}}.to_bytes()));
}

}  // namespace

int main() {
  models_come_back();
  every_damaged_byte_is_noticed();
  what_no_predictor_says_is_refused();
}
