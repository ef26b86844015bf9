// efficient/SuRF (Apache-2.0), with as many real suffix bits as fit. Keys and bounds are made strings before.
#include <memory>

#include "include/surf.hpp"

inline std::string as_string(std::uint64_t code) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(code >> (56 - 8 * i));
  return bytes;
}

struct Strings {
  std::vector<std::string> lo, hi;
};

struct Rival {
  explicit Rival(const Task& task) {
    std::vector<std::string> keys;
    for (const std::uint64_t key : task.keys) keys.push_back(as_string(key));
    const double count = static_cast<double>(keys.size());
    {
      const surf::SuRF bare(keys, true, 64, surf::kNone, 0, 0);
      const double left = task.bits_per_key - 8 * static_cast<double>(bare.serializedSize()) / count;
      suffix = static_cast<unsigned>(std::min(std::max(std::floor(left), 0.0), 32.0));
    }
    filter = std::make_unique<surf::SuRF>(keys, true, 64, suffix ? surf::kReal : surf::kNone, 0, suffix);
  }
  Strings prepared(const Codes& lo, const Codes& hi) {
    Strings asked;
    for (std::size_t i = 0; i < lo.size(); ++i)
      asked.lo.push_back(as_string(lo[i])), asked.hi.push_back(as_string(hi[i]));
    return asked;
  }
  bool ask(const Strings& asked, std::size_t i) { return filter->lookupRange(asked.lo[i], true, asked.hi[i], true); }
  std::size_t bits() const { return 8 * filter->serializedSize(); }
  std::string design() const { return std::to_string(suffix) + " suffix bits"; }
  std::unique_ptr<surf::SuRF> filter;
  unsigned suffix;
};
