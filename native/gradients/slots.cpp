#include "gradients/slots.h"

#include <algorithm>
#include <cstring>

#include "gradients/lanes.h"

namespace bh::gradients {

Slots::Slots(std::size_t slots, std::size_t chunk, int lanes, std::size_t workers, std::size_t needed)
    : chunk_(chunk), words_((workers + 63) / 64), needed_(needed), lanes_(lanes), banks_(2 * slots) {
  seen_.resize(banks_.size() * words_);
  (lanes == 8 ? bytes_sums_.resize(banks_.size() * chunk) : word_sums_.resize(banks_.size() * chunk));
  clear();
}

void Slots::clear() {
  for (std::size_t i = 0; i < banks_.size(); ++i) banks_[i] = {.epoch = static_cast<std::uint32_t>(i & 1) - 2};
  std::fill(seen_.begin(), seen_.end(), 0);
  open_ = 0;
}

Verdict Slots::receive(std::size_t worker, std::size_t slot, std::uint32_t epoch, std::span<const std::uint8_t> packed,
                       Points points, int bits, std::uint8_t table) {
  const std::size_t at = index(slot, epoch);
  Bank& bank = banks_[at];
  std::uint64_t* const seen = seen_.data() + at * words_;
  if (epoch_before(epoch, bank.epoch)) return Verdict::gone;
  if (epoch != bank.epoch) {
    if (!bank.done || epoch != bank.epoch + 2) return Verdict::ahead;
    bank = {.epoch = epoch, .done = false, .table = table};
    std::fill(seen, seen + words_, 0);
    ++open_;
  }
  if (bank.count == 0 && bank.done) return Verdict::ahead;  // before the first chunk
  const std::uint64_t mask = std::uint64_t{1} << worker % 64;
  const bool known = seen[worker / 64] & mask;
  if (bank.done) {
    seen[worker / 64] |= mask;
    return known ? Verdict::repeat : Verdict::late;
  }
  if (known) return Verdict::duplicate;
  if (table != bank.table) return Verdict::other_table;
  seen[worker / 64] |= mask;
  if (lanes_ == 8)
    accumulate<std::uint8_t>(packed, points, bits, bank.count == 0,
                             std::span(bytes_sums_).subspan(at * chunk_, chunk_));
  else
    accumulate<std::uint16_t>(packed, points, bits, bank.count == 0,
                              std::span(word_sums_).subspan(at * chunk_, chunk_));
  if (++bank.count < needed_) return Verdict::added;
  bank.done = true;
  --open_;
  return Verdict::complete;
}

void Slots::write_result(std::size_t slot, std::uint32_t epoch, std::span<std::byte> out) const {
  const std::size_t first = index(slot, epoch) * chunk_;
  if (lanes_ == 8) {
    std::memcpy(out.data(), bytes_sums_.data() + first, chunk_);
    return;
  }
  std::vector<std::int32_t> containers(chunk_ / 2);
  pack_lanes<std::uint16_t, std::int32_t>(std::span(word_sums_).subspan(first, chunk_), 16, containers);
  std::memcpy(out.data(), containers.data(), out.size());
}

}  // namespace bh::gradients
