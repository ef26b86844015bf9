// The packed bits of a part of a filter, as its bytes hold them: its own, or borrowed from whoever loaded it. They may
// start at any address, and 16 zero bytes follow them, so that eight bytes can be read from any bit of theirs on.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "support/storage.h"

namespace bh::ranges {

constexpr std::uint64_t kPadding = 16;

constexpr std::uint64_t bytes_for(std::uint64_t bits) { return bits / 8 + (bits % 8 != 0); }

class Payload {
 public:
  Payload() = default;
  // Zeros, to be written.
  explicit Payload(std::uint64_t bits) : size_(bytes_for(bits)) {
    const auto own = std::make_shared<Storage<std::uint8_t>>(size_ + kPadding, std::uint8_t{0});
    data_ = own->data();
    owner_ = own;
  }
  // Bytes that `owner` keeps, or the caller if there is none; `padded` includes the padding.
  Payload(std::shared_ptr<const void> owner, std::span<const std::uint8_t> padded)
      : owner_(std::move(owner)), data_(padded.data()), size_(padded.size() - kPadding) {}

  const std::uint8_t* data() const { return data_; }
  std::uint64_t size() const { return size_; }  // bytes without the padding
  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
  std::uint8_t* writable() { return const_cast<std::uint8_t*>(data_); }  // if it was made of zeros

 private:
  std::shared_ptr<const void> owner_;
  const std::uint8_t* data_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace bh::ranges
