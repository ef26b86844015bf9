// What all byte formats share: an 8-byte magic 89 42 48 x y 0D 0A 1A, the version as u16 at offset 8,
// little-endian fields, and CRC-32C. Input is untrusted: a Reader names the field at which it is invalid.
#pragma once
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace bh {

static_assert(std::endian::native == std::endian::little, "the byte formats are written as they lie in memory");

using Bytes = std::span<const std::byte>;

template <typename T>
concept Scalar = std::is_arithmetic_v<T>;

// Castagnoli, reflected 0x82F63B78, initial and final xor all ones. `before` is the CRC of the preceding bytes.
std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0);

// Two letters that distinguish the format, and its name in errors. Versions from `oldest` on are read; 0: this one.
struct Format {
  std::array<char, 2> letters;
  std::uint16_t version;
  const char* name;
  std::uint16_t oldest = 0;
};

class Writer {
 public:
  explicit Writer(const Format& format);
  template <Scalar T>
  void put(T value) {
    put(std::as_bytes(std::span(&value, 1)));
  }
  void put(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  // Takes magic and version.
  Reader(Bytes bytes, const Format& format);
  template <Scalar T>
  T take(const char* field) {
    T value;
    std::memcpy(&value, take_bytes(sizeof value, field).data(), sizeof value);
    return value;
  }
  Bytes take_bytes(std::uint64_t count, const char* field);
  std::size_t position() const { return position_; }
  std::uint16_t version() const { return version_; }
  // The product of two claims, if 64 bits hold it.
  std::uint64_t product(std::uint64_t a, std::uint64_t b, const char* field) const;
  // Throws CorruptData that says: `field` `is`.
  [[noreturn]] void fail(const char* field, const std::string& is) const { fail(std::string(field) + " " + is); }

 private:
  [[noreturn]] void fail(const std::string& what) const;

  Bytes bytes_;
  std::size_t position_ = 0;
  const char* name_;
  std::uint16_t version_ = 0;
};

}  // namespace bh
