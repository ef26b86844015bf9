// Messages of gradient codecs: whatever bytes say is read within bounds, and what is packed comes back.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "gradients/block_codes.h"
#include "gradients/half.h"
#include "gradients/lanes.h"
#include "gradients/thc_codes.h"

namespace gradients = bh::gradients;

namespace {

using Data = std::span<const std::uint8_t>;

void must(bool holds) {
  if (!holds) __builtin_trap();
}

// The message as a block codec reads it; codes that are read and coded again stand for the same values.
void blocks(Data data, std::uint8_t choice) {
  const gradients::BlockFormat format{static_cast<gradients::BlockCode>(choice & 3), gradients::BlockNorm::largest,
                                      (choice & 4) != 0, std::size_t{16} << (choice >> 3 & 7)};
  const std::size_t count = data.size() / format.message_bytes(format.block) * format.block;
  const Data message = data.first(format.message_bytes(count));
  std::vector<float> once(count), twice(count), threaded(count);
  gradients::block_accumulate(message, format, true, 1, once);
  gradients::block_accumulate(message, format, true, 3, threaded);
  must(count == 0 || std::memcmp(once.data(), threaded.data(), count * sizeof(float)) == 0);
  std::vector<std::uint8_t> again(message.size());
  gradients::block_encode(once, format, std::nullopt, 1, again);
  gradients::block_accumulate(again, format, true, 1, twice);
  for (std::size_t b = 0; b < count; b += format.block) {
    bool finite = true;
    float largest = 0;
    for (std::size_t i = b; i < b + format.block; ++i) {
      finite = finite && std::isfinite(once[i]);
      largest = std::max(largest, std::abs(once[i]));
    }
    for (std::size_t i = b; i < b + format.block; ++i)
      must(finite ? std::abs(twice[i] - once[i]) <= 0.1f * largest + 1e-37f : std::isnan(twice[i]));
  }
}

template <typename Value, typename Container>
void lanes(Data data, int width) {
  const std::size_t each = 8 * sizeof(Container) / static_cast<std::size_t>(width), n = data.size() / sizeof(Value);
  std::vector<Value> values(n), found(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::memcpy(&values[i], data.data() + i * sizeof(Value), sizeof(Value));
    values[i] = static_cast<Value>(values[i] & ((1u << width) - 1));
  }
  std::vector<Container> containers((n + each - 1) / each);
  gradients::pack_lanes<Value, Container>(values, width, containers);
  gradients::unpack_lanes<Value, Container>(containers, width, found);
  must(found == values);
}

template <typename Sum>
void codes(Data data, int bits) {
  std::vector<std::uint16_t> points(std::size_t{1} << bits);
  for (std::size_t z = 0; z < points.size(); ++z) points[z] = static_cast<std::uint16_t>(3 * z);
  const std::size_t bytes = gradients::packed_bytes(gradients::kGroup, bits), groups = data.size() / bytes;
  std::vector<Sum> sums(groups * gradients::kGroup);
  gradients::accumulate<Sum>(data.first(groups * bytes), points, bits, true, sums);
  for (const Sum sum : sums) must(sum <= points.back() && sum % 3 == 0);
}

void halves(Data data, gradients::Half kind) {
  std::vector<std::uint16_t> given(data.size() / 2), back(given.size());
  if (given.empty()) return;
  std::memcpy(given.data(), data.data(), 2 * given.size());
  std::vector<float> x(given.size());
  gradients::widen(given, kind, 1, x);
  gradients::narrow(x, kind, 1, back);
  for (std::size_t i = 0; i < x.size(); ++i) must(std::isnan(x[i]) || back[i] == given[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const Data data(bytes + 2, size - 2);
  const int width = 2 + bytes[1] % 15;
  switch (bytes[0] % 4) {
    case 0: blocks(data, bytes[1]); break;
    case 1:
      if (width <= 8) {
        lanes<std::uint8_t, std::int32_t>(data, width);
        lanes<std::uint8_t, std::int64_t>(data, width);
      }
      lanes<std::uint16_t, std::int32_t>(data, width);
      lanes<std::uint16_t, std::int64_t>(data, width);
      break;
    case 2:
      codes<std::uint8_t>(data, 2 + bytes[1] % 3);
      codes<std::uint16_t>(data, 2 + bytes[1] % 3);
      break;
    default: halves(data, bytes[1] & 1 ? gradients::Half::bfloat16 : gradients::Half::float16);
  }
  return 0;
}
