#include "streams/epoch_bins.h"

#include <initializer_list>

#include "check.h"

namespace {

using bh::streams::EpochBin, bh::streams::rounded_epoch;

void epochs_are_rounded_up_by_less_than_a_128th() {
  std::uint32_t before = 0;
  for (std::uint32_t epoch = 0; epoch <= 65536; ++epoch) {
    const std::uint32_t kept = rounded_epoch(epoch);
    CHECK(kept >= epoch && kept - epoch <= epoch / 128 && kept >= before);
    CHECK(rounded_epoch(kept) == kept);
    CHECK(epoch > 255 || kept == epoch);
    before = kept;
  }
}

void epoch_and_bin_do_not_disturb_each_other() {
  for (const std::uint32_t epoch : {0u, 1u, 127u, 128u, 255u, 256u, 511u, 40000u, 65535u})
    for (std::uint32_t bin = 0; bin < 32; ++bin) {
      const EpochBin first = EpochBin().with_bin(bin).with_epoch(epoch),
                     second = EpochBin().with_epoch(epoch).with_bin(bin);
      CHECK(first.bits() == second.bits() && first.bin() == bin && first.epoch() == rounded_epoch(epoch));
      CHECK(first.with_epoch(3).with_bin(31).epoch() == 3 && first.with_epoch(3).bin() == bin);
    }
}

}  // namespace

int main() {
  epochs_are_rounded_up_by_less_than_a_128th();
  epoch_and_bin_do_not_disturb_each_other();
}
