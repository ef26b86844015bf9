// Any text, cut into blocks at will, gives the keys that one block gives.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "streams/lines.h"

namespace streams = bh::streams;

namespace {

using Keys = std::vector<std::string>;

// In blocks of that length; 0 stands for all at once.
Keys keys_of(std::string_view text, streams::Cut cut, std::size_t length) {
  streams::Splitter splitter(cut);
  Keys keys;
  const auto take = [&](const streams::Cuttings& cuttings) {
    keys.insert(keys.end(), cuttings.keys.begin(), cuttings.keys.end());
  };
  if (length == 0) length = std::max<std::size_t>(text.size(), 1);
  for (std::size_t at = 0; at < text.size(); at += length) {
    const std::string block(text.substr(at, length));  // of its own, so that nothing may look beyond
    take(splitter.split(block));
  }
  take(splitter.finish());
  return keys;
}

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Keys expected(std::string_view text, streams::Cut cut) {
  Keys keys;
  std::string key;
  for (const char c : text) {
    const bool ends = cut == streams::Cut::lines ? c == '\n' : blank(c);
    if (!ends) {
      key += c;
      continue;
    }
    if (cut == streams::Cut::lines || !key.empty()) keys.push_back(key);
    key.clear();
  }
  if (!key.empty()) keys.push_back(key);
  if (cut == streams::Cut::lines)
    for (std::string& each : keys)
      if (each.ends_with('\r')) each.pop_back();
  return keys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto cut = data[0] % 2 == 0 ? streams::Cut::lines : streams::Cut::words;
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const Keys keys = keys_of(text, cut, data[1]);
  if (keys != expected(text, cut)) __builtin_trap();
  return 0;
}
