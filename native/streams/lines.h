// Cuts text into keys, lines or words, block by block and without copying: only what the end of a block cuts in two is
// kept.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bh::streams {

enum class Cut : std::uint8_t { lines, words };  // at line ends, or at each stretch of ASCII white space

// Keys as views of the block that they were cut from, but the first may lie in memory of its own.
struct Cuttings {
  std::vector<std::string_view> keys;
  std::vector<char> first;
};

class Splitter {
 public:
  static constexpr std::size_t kLongest = std::size_t{1} << 20;  // bytes of a key

  explicit Splitter(Cut cut) : cut_(cut) {}

  // The keys that end in this block. A line ends at \n or \r\n, and an empty one is a key; a word is never empty.
  // Throws InvalidInput for a key of more than kLongest bytes, with the offset of its first one.
  Cuttings split(std::string_view block);

  // The key after which the text ends, if nothing else ended it.
  Cuttings finish();

 private:
  void add(std::string_view end, std::uint64_t offset, Cuttings& cuttings);
  void check(std::size_t length, std::uint64_t offset) const;

  Cut cut_;
  std::uint64_t offset_ = 0;  // of the next block in all of the text
  std::vector<char> begun_;   // a key that goes on in the next block
};

}  // namespace bh::streams
