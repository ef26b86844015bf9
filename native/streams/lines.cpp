#include "streams/lines.h"

#include <string>
#include <utility>

#include "support/errors.h"

namespace bh::streams {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The first place from `start` on at which a key ends, or npos.
std::size_t end_of_key(std::string_view block, std::size_t start, Cut cut) {
  if (cut == Cut::lines) return block.find('\n', start);  // memchr
  while (start < block.size() && !is_space(block[start])) ++start;
  return start < block.size() ? start : std::string_view::npos;
}

}  // namespace

void Splitter::check(std::size_t length, std::uint64_t offset) const {
  if (length > kLongest)
    throw InvalidInput(std::string("the ") + (cut_ == Cut::lines ? "line" : "word") + " at byte " +
                       std::to_string(offset) + " is longer than " + std::to_string(kLongest) +
                       " bytes, the longest that is read as a key; is this text?");
}

// Adds the key that ends so, with what came of it before.
void Splitter::add(std::string_view end, std::uint64_t offset, Cuttings& cuttings) {
  check(begun_.size() + end.size(), offset - begun_.size());
  if (!begun_.empty()) {
    begun_.insert(begun_.end(), end.begin(), end.end());
    cuttings.first = std::exchange(begun_, {});
    end = {cuttings.first.data(), cuttings.first.size()};
  }
  if (cut_ == Cut::lines && end.ends_with('\r')) end.remove_suffix(1);
  cuttings.keys.push_back(end);
}

Cuttings Splitter::split(std::string_view block) {
  Cuttings cuttings;
  cuttings.keys.reserve(block.size() / 8);
  std::size_t start = 0;
  for (std::size_t stop; (stop = end_of_key(block, start, cut_)) != std::string_view::npos; start = stop + 1)
    if (cut_ == Cut::lines || stop > start || !begun_.empty())
      add(block.substr(start, stop - start), offset_ + start, cuttings);
  const std::string_view rest = block.substr(start);
  check(begun_.size() + rest.size(), offset_ + start - begun_.size());
  begun_.insert(begun_.end(), rest.begin(), rest.end());
  offset_ += block.size();
  return cuttings;
}

Cuttings Splitter::finish() {
  Cuttings cuttings;
  if (!begun_.empty()) add({}, offset_, cuttings);
  return cuttings;
}

}  // namespace bh::streams
