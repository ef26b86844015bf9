// A filter of this library, CORE of <HEADER>, from its bytes in FOLDER/filter; compiled and linked as in a wheel.
#include <optional>

#include HEADER
#include "plain.h"
#include "ranges/stored.h"

struct Rival {
  using Stored = bh::ranges::Stored<bh::ranges::CORE>;

  explicit Rival(const Task& task) : bytes(contents(task.folder + "/filter")) {
    stored.emplace(Stored::read(std::as_bytes(std::span(bytes))));
  }
  Plain prepared(const Codes& lo, const Codes& hi) { return {lo, hi}; }
  bool ask(const Plain& asked, std::size_t i) { return stored->core.may_intersect(asked.lo[i], asked.hi[i]); }
  std::size_t bits() const { return 8 * stored->bytes(); }
  std::string design() const { return ""; }

  static std::vector<std::uint8_t> contents(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) std::perror(path.c_str()), std::exit(1);
    std::vector<std::uint8_t> bytes;
    for (int byte; (byte = std::fgetc(file)) != EOF;) bytes.push_back(static_cast<std::uint8_t>(byte));
    std::fclose(file);
    return bytes;
  }

  std::vector<std::uint8_t> bytes;
  std::optional<Stored> stored;
};
