// The slot protocol: sums of chunks in few slots, and what is answered to each message, however late or often it comes.
//
// Chunk c of a run lies in slot c % slots, at epoch c / slots. A worker has one chunk outstanding in each slot. A slot
// has two banks, chosen by the parity of the epoch, and they are enough: epoch e + 2 is sent only after e + 1 was
// complete, for which as many workers as complete a chunk have had the result of e.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gradients/thc_codes.h"

namespace bh::gradients {

enum class Verdict {
  added,        // the chunk still waits for others
  complete,     // added, and enough
  duplicate,    // added before, and the chunk still waits
  repeat,       // added before, and complete: its sender gets the result once more
  late,         // complete without it: its sender gets the result, and the message is not added
  gone,         // the slot has moved on: its sender is told so
  ahead,        // of an epoch that no worker who keeps the rules can have reached
  other_table,  // codes of another table than those before it
};

// Epochs are serial numbers: a is before b if the way from a to b is the shorter one.
constexpr bool epoch_before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

class Slots {
 public:
  // Chunks of `chunk` coordinates, a multiple of kGroup, in lanes of 8 or 16 bits; `needed` workers complete one.
  Slots(std::size_t slots, std::size_t chunk, int lanes, std::size_t workers, std::size_t needed);

  // Takes the packed codes of a chunk; worker and slot exist, and sums of all workers' points fit the lanes.
  Verdict receive(std::size_t worker, std::size_t slot, std::uint32_t epoch, std::span<const std::uint8_t> packed,
                  Points points, int bits, std::uint8_t table);

  struct Bank {
    std::uint32_t epoch;
    std::uint32_t count = 0;
    bool done = true;
    std::uint8_t table = 0;
  };
  const Bank& bank(std::size_t slot, std::uint32_t epoch) const { return banks_[index(slot, epoch)]; }
  std::size_t result_bytes() const { return chunk_ * static_cast<std::size_t>(lanes_) / 8; }
  // The sums as they travel: bytes, or for 16 bits lanes in containers of 32.
  void write_result(std::size_t slot, std::uint32_t epoch, std::span<std::byte> out) const;

  std::size_t open_banks() const { return open_; }
  bool has(std::size_t slot, std::uint32_t epoch, std::size_t worker) const { return bit(index(slot, epoch), worker); }
  // Calls visit(slot, epoch) for every chunk that some have sent and that waits for others.
  template <typename Visit>
  void each_open(const Visit& visit) const {
    for (std::size_t i = 0; open_ > 0 && i < banks_.size(); ++i)
      if (!banks_[i].done) visit(i / 2, banks_[i].epoch);
  }
  // As new.
  void clear();

 private:
  std::size_t index(std::size_t slot, std::uint32_t epoch) const { return 2 * slot + (epoch & 1); }
  bool bit(std::size_t bank, std::size_t worker) const { return seen_[bank * words_ + worker / 64] >> worker % 64 & 1; }

  std::size_t chunk_, words_, needed_, open_ = 0;
  int lanes_;
  std::vector<Bank> banks_;
  std::vector<std::uint64_t> seen_;  // a bit for each worker of each bank
  std::vector<std::uint8_t> bytes_sums_;
  std::vector<std::uint16_t> word_sums_;  // one of the two holds the sums, by the lanes
};

}  // namespace bh::gradients
