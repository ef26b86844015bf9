#include "streams/lines.h"

#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "support/errors.h"

using bh::streams::Cut, bh::streams::Splitter;

namespace {

std::vector<std::string> split(const std::string& text, Cut cut, std::size_t block) {
  Splitter splitter(cut);
  std::vector<std::string> keys;
  for (std::size_t first = 0; first < text.size(); first += block) {
    const std::string part = text.substr(first, block);  // of its own memory, so that a stale view shows
    const bh::streams::Cuttings cuttings = splitter.split(part);
    keys.insert(keys.end(), cuttings.keys.begin(), cuttings.keys.end());
  }
  const bh::streams::Cuttings last = splitter.finish();
  keys.insert(keys.end(), last.keys.begin(), last.keys.end());
  return keys;
}

void keys_do_not_depend_on_the_blocks() {
  const std::string text = "one two\r\n\nthree\tfour  \n \r\n\xff\xfe\n\r\rlast";
  const std::vector<std::string> lines{"one two", "", "three\tfour  ", " ", "\xff\xfe", "\r\rlast"};
  const std::vector<std::string> words{"one", "two", "three", "four", "\xff\xfe", "last"};
  for (std::size_t block = 1; block <= text.size() + 1; ++block) {
    CHECK(split(text, Cut::lines, block) == lines);
    CHECK(split(text, Cut::words, block) == words);
  }
}

void text_ends_with_a_key_or_after_one() {
  for (const std::size_t block : {1, 2, 9}) {
    CHECK(split("", Cut::lines, block).empty());
    CHECK(split("\n", Cut::lines, block) == std::vector<std::string>{""});
    CHECK(split("a\n", Cut::lines, block) == std::vector<std::string>{"a"});
    CHECK(split("a\r\n", Cut::lines, block) == std::vector<std::string>{"a"});
    CHECK(split("a\r", Cut::lines, block) == std::vector<std::string>{"a"});
    CHECK(split(" \n ", Cut::words, block).empty());
    CHECK(split(" a ", Cut::words, block) == std::vector<std::string>{"a"});
  }
}

void a_key_that_never_ends_is_refused() {
  const std::string longest(Splitter::kLongest, 'x'), longer = longest + 'x';
  for (const Cut cut : {Cut::lines, Cut::words}) {
    for (const std::size_t block : {std::size_t{1000}, 2 * Splitter::kLongest}) {
      CHECK(split("a\n" + longest, cut, block).back() == longest);
      for (const char* end : {"", "\n"}) {
        std::string message;
        try {
          split("a\n" + longer + end, cut, block);
        } catch (const bh::InvalidInput& error) {
          message = error.what();
        }
        CHECK(message.find(" at byte 2 is longer than 1048576 bytes") != std::string::npos);
      }
    }
  }
}

}  // namespace

int main() {
  keys_do_not_depend_on_the_blocks();
  text_ends_with_a_key_or_after_one();
  a_key_that_never_ends_is_refused();
}
