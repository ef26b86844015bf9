// One question to the filters of many row groups: without a call from Python for each.
#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/range_filter.h"
#include "ranges/composed.h"
#include "ranges/rosetta.h"
#include "ranges/surf.h"
#include "ranges/two_prefix_bloom.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace range_filters;
using ranges::ByteCode;

struct Question {
  std::uint64_t lo = 0, hi = 0;  // of numbers
  std::span<const std::uint8_t> lo_text, hi_text;
  bool before = false;  // the last code of text is the one before that of hi
};

template <typename Core>
bool ask_numbers(const void* filter, const Question& asked) {
  return static_cast<const Filter<Core>*>(filter)->stored.core.may_intersect(asked.lo, asked.hi);
}

template <typename Core>
bool ask_text(const void* filter, const Question& asked) {
  const auto& self = *static_cast<const Filter<Core>*>(filter);
  const ByteCode lo = asked.lo_text.first(std::min(asked.lo_text.size(), self.width));
  ByteCode hi = asked.hi_text.first(std::min(asked.hi_text.size(), self.width));
  std::vector<std::uint8_t> room;
  if (asked.before && asked.hi_text.size() <= self.width) {  // else what is cut off lies in the code itself
    room.resize(self.width);
    ranges::before(hi, room);
    hi = room;
  }
  return self.stored.core.may_intersect(lo, hi);
}

class RangeGroups {
 public:
  // Filters of one kind of keys, or None where a row group has no keys.
  RangeGroups(const nb::list& filters, bool text) : text_(text) {
    for (const nb::handle each : filters) groups_.push_back(each.is_none() ? Group{} : group(each));
  }

  auto numbers(std::uint64_t lo, std::uint64_t hi) const {
    if (text_) throw bh::InvalidInput("these filters are of text");
    return asked({.lo = lo, .hi = hi});
  }
  auto text(const Text& lo, const Text& hi, bool before) const {
    if (!text_) throw bh::InvalidInput("these filters are of numbers");
    const auto first = span(lo), last = span(hi);
    if (before && (last.empty() || last.back() == 0)) throw bh::InvalidInput("no code comes before such a bound");
    return asked({.lo_text = first, .hi_text = last, .before = before});
  }

 private:
  struct Group {
    nb::object owner;
    const void* filter = nullptr;
    bool (*ask)(const void*, const Question&) = nullptr;
  };

  template <typename Core>
  bool take(nb::handle each, Group& group) const {
    const Filter<Core>* filter = nullptr;
    if (!nb::try_cast(each, filter) || filter == nullptr || filter->textual() != text_) return false;
    group = {nb::borrow(each), filter, nullptr};
    if constexpr (requires(const Core& core) { core.may_intersect(std::uint64_t{0}, std::uint64_t{0}); })
      if (!text_) group.ask = &ask_numbers<Core>;
    if constexpr (requires(const Core& core) { core.may_intersect(ByteCode(), ByteCode()); })
      if (text_) group.ask = &ask_text<Core>;
    return group.ask != nullptr;
  }
  template <ranges::FilterKind kind>
  bool take_composed(nb::handle each, Group& group) const {
    return take<ranges::Composed<kind>>(each, group);
  }
  Group group(nb::handle each) const {
    Group group;
    if (take_composed<ranges::FilterKind::proteus>(each, group) ||
        take_composed<ranges::FilterKind::prefix_bloom>(each, group) ||
        take_composed<ranges::FilterKind::locality_hash>(each, group) || take<ranges::Surf>(each, group) ||
        take<ranges::Rosetta>(each, group) || take<ranges::TwoPrefixBloom>(each, group))
      return group;
    throw bh::InvalidInput("this is no filter of such keys");
  }
  nb::ndarray<nb::numpy, bool> asked(const Question& question) const {
    auto* const found = new bool[groups_.size()];
    const nb::capsule owner(found, [](void* it) noexcept { delete[] static_cast<bool*>(it); });
    for (std::size_t i = 0; i < groups_.size(); ++i)
      found[i] = groups_[i].ask != nullptr && groups_[i].ask(groups_[i].filter, question);
    return nb::ndarray<nb::numpy, bool>(found, {groups_.size()}, owner);
  }

  std::vector<Group> groups_;
  bool text_;
};

}  // namespace

void bind_range_groups(nb::module_& m) {
  nb::class_<RangeGroups>(m, "RangeGroups")
      .def(nb::init<const nb::list&, bool>(), "filters"_a, "text"_a)
      .def("numbers", &RangeGroups::numbers, "lo"_a, "hi"_a)
      .def("text", &RangeGroups::text, "lo"_a.noconvert(), "hi"_a.noconvert(), "before"_a);
}
