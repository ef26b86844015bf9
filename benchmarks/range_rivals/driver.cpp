// Builds one range filter of the keys in a folder, asks it what lies there, and prints figures as JSON:
// driver FOLDER BITS_PER_KEY [LONGEST]. Which one, RIVAL says: a header of ours that calls the filter through its own
// headers; their code is never part of this one.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using Codes = std::vector<std::uint64_t>;

struct Ranges {
  Codes lo, hi;
};

struct Task {
  std::string folder;
  Codes keys;
  Ranges sample;
  double bits_per_key;
  std::uint64_t longest;
};

#include RIVAL  // struct Rival: from a Task; ask(lo, hi), bits(), design()

namespace {

Codes read(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) std::perror(path.c_str()), std::exit(1);
  Codes codes;
  std::uint64_t code;
  while (std::fread(&code, 8, 1, file) == 1) codes.push_back(code);
  std::fclose(file);
  return codes;
}

double seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Asked {
  double ns, share;  // the least of several passes; answered with yes
};

Asked ask(Rival& rival, const Ranges& ranges) {
  const auto asked = rival.prepared(ranges.lo, ranges.hi);
  Asked found{1e30, 0};
  for (int pass = 0; pass < 5; ++pass) {
    std::size_t yes = 0;
    const double start = seconds();
    for (std::size_t i = 0; i < ranges.lo.size(); ++i) yes += rival.ask(asked, i);
    const double count = static_cast<double>(ranges.lo.size());
    found = {std::min(found.ns, (seconds() - start) / count * 1e9), static_cast<double>(yes) / count};
  }
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "driver FOLDER BITS_PER_KEY [LONGEST]\n"), 2;
  Task task;
  task.folder = argv[1];
  task.bits_per_key = std::strtod(argv[2], nullptr);
  task.longest = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 64;
  task.keys = read(task.folder + "/keys");
  task.sample = {read(task.folder + "/sample_lo"), read(task.folder + "/sample_hi")};
  const double count = static_cast<double>(task.keys.size()), start = seconds();
  Rival rival(task);
  const double build = (seconds() - start) / count * 1e9;
  const Asked empty = ask(rival, {read(task.folder + "/empty_lo"), read(task.folder + "/empty_hi")});
  const Asked full = ask(rival, {read(task.folder + "/full_lo"), read(task.folder + "/full_hi")});
  std::printf(
      "{\"bits_per_key\": %.3f, \"rate\": %.8f, \"missed\": %.8f, \"empty_ns\": %.1f, \"full_ns\": %.1f, "
      "\"build_ns\": %.1f, \"design\": \"%s\"}\n",
      static_cast<double>(rival.bits()) / count, empty.share, 1 - full.share, empty.ns, full.ns, build,
      rival.design().c_str());
}
