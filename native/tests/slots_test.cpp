#include "gradients/slots.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"

namespace gradients = bh::gradients;
using gradients::Verdict;

namespace {

const std::vector<std::uint16_t> kPoints{0, 1, 2, 2};
const std::vector<std::uint8_t> kTwos(128, 0xAA);  // 512 codes of 2

void epochs_wrap() {
  const std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  CHECK(gradients::epoch_before(last, 0) && gradients::epoch_before(last - 5, 3) && gradients::epoch_before(0, 1));
  CHECK(!gradients::epoch_before(0, last) && !gradients::epoch_before(7, 7));
}

void sums_at_the_bound_fit_their_lanes(int lanes, std::size_t workers) {
  gradients::Slots slots(1, 512, lanes, workers, workers);
  for (std::size_t worker = 0; worker < workers; ++worker)
    CHECK(slots.receive(worker, 0, 0, kTwos, kPoints, 2, 0) ==
          (worker + 1 < workers ? Verdict::added : Verdict::complete));
  std::vector<std::byte> result(slots.result_bytes());
  slots.write_result(0, 0, result);
  for (std::size_t i = 0; i < 512; ++i) {
    const std::size_t at = lanes == 8 ? i : i < 256 ? 4 * i : 4 * (i - 256) + 2;  // two lanes of a container, planar
    const std::size_t sum =
        static_cast<std::size_t>(result[at]) + (lanes == 8 ? 0 : static_cast<std::size_t>(result[at + 1]) << 8);
    CHECK(sum == 2 * workers);
  }
}

void a_bank_is_free_for_the_epoch_after_the_next_only_once_it_is_complete() {
  gradients::Slots slots(2, 512, 8, 2, 2);
  const auto receive = [&](std::size_t worker, std::uint32_t epoch) {
    return slots.receive(worker, 1, epoch, kTwos, kPoints, 2, 0);
  };
  for (const std::uint32_t beyond : {2u, 3u, 4u, 0xFFFFFFFEu, 0xFFFFFFFFu}) CHECK(receive(0, beyond) == Verdict::ahead);
  CHECK(receive(0, 0) == Verdict::added && slots.open_banks() == 1);
  CHECK(receive(0, 2) == Verdict::ahead && receive(0, 0) == Verdict::duplicate);
  CHECK(slots.receive(1, 1, 0, kTwos, kPoints, 2, 1) == Verdict::other_table);
  CHECK(receive(1, 0) == Verdict::complete && slots.open_banks() == 0);
  CHECK(receive(0, 2) == Verdict::added && receive(1, 0) == Verdict::gone);
  std::size_t open = 0;
  slots.each_open([&](std::size_t slot, std::uint32_t epoch) { open += slot == 1 && epoch == 2; });
  CHECK(open == 1);
  slots.clear();
  CHECK(slots.open_banks() == 0 && receive(0, 2) == Verdict::ahead && receive(0, 0) == Verdict::added);
}

}  // namespace

int main() {
  epochs_wrap();
  sums_at_the_bound_fit_their_lanes(8, 127);
  sums_at_the_bound_fit_their_lanes(16, 1000);
  a_bank_is_free_for_the_epoch_after_the_next_only_once_it_is_complete();
}
