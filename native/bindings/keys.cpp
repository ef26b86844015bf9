#include "bindings/keys.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <utility>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "streams/arrow.h"
#include "support/errors.h"
#include "support/hash.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace streams = bh::streams;
using streams::Column, streams::KeyKind;

namespace {

std::string class_name(nb::handle object) { return nb::cast<std::string>(object.type().attr("__name__")); }

std::string place(std::size_t row, bool scalar) { return scalar ? "key" : "keys[" + std::to_string(row) + "]"; }

[[noreturn]] void refuse(nb::handle key, const std::string& place) {
  const bool number = PyFloat_Check(key.ptr()) || PyBool_Check(key.ptr());
  throw bh::InvalidInput(place + " is of type " + class_name(key) + ", but a key is an integer, a str or bytes; " +
                         (number ? "round it, or view its bits as uint64" : "convert it to one of them"));
}

std::uint64_t hashed(std::string_view text, std::uint64_t seed) {
  return bh::hash64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

// The bytes of a str or bytes object: in the object itself, which keeps the UTF-8 of a str.
std::string_view text_of(nb::handle key, bool str) {
  Py_ssize_t length = 0;
  if (str) {
    const char* text = PyUnicode_AsUTF8AndSize(key.ptr(), &length);
    return text ? std::string_view(text, static_cast<std::size_t>(length)) : std::string_view();
  }
  char* text = nullptr;
  PyBytes_AsStringAndSize(key.ptr(), &text, &length);
  return {text, static_cast<std::size_t>(length)};
}

std::string_view checked_text(nb::handle key, bool str, std::size_t row, bool scalar) {
  const std::string_view text = text_of(key, str);
  if (!text.data()) {
    PyErr_Clear();
    throw bh::InvalidInput(place(row, scalar) +
                           " has a surrogate without its other half, which UTF-8 cannot hold; encode it with "
                           "errors=\"surrogatepass\"");
  }
  return text;
}

// What an integer key is: its bits, and whether they need a sign or a 64th bit.
struct Integer {
  std::uint64_t id;
  bool negative;
};

Integer integer_of(nb::handle key, std::size_t row, bool scalar) {
  nb::object index;
  if (!PyLong_Check(key.ptr())) {  // of numpy, say
    index = nb::steal(PyNumber_Index(key.ptr()));
    if (!index.is_valid()) {
      PyErr_Clear();
      refuse(key, place(row, scalar));
    }
    key = index;
  }
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(key.ptr(), &overflow);
  if (overflow == 0) return {static_cast<std::uint64_t>(value), value < 0};
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(key.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    throw bh::InvalidInput(place(row, scalar) + " is an integer that 64 bits cannot hold; pass it as text");
  }
  return {large, false};
}

bool is_integer(nb::handle key) {
  return (PyLong_Check(key.ptr()) || PyIndex_Check(key.ptr())) && !PyBool_Check(key.ptr());
}

// Keeps a view of a Python object's memory.
class Buffer {
 public:
  explicit Buffer(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_FORMAT | PyBUF_STRIDES) != 0) {
      PyErr_Clear();
      view_.obj = nullptr;
    }
  }
  ~Buffer() { PyBuffer_Release(&view_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const Py_buffer* get() const { return view_.obj ? &view_ : nullptr; }

 private:
  Py_buffer view_{};
};

// Objects of a list lie all over the memory: asking for them ahead makes the walk three times as fast.
void prefetch(const PyObject* object) {
  const char* bytes = reinterpret_cast<const char*>(object);
  __builtin_prefetch(bytes);
  __builtin_prefetch(bytes + 48);  // where the text of a short str begins
}

nb::object numpy() { return nb::module_::import_("numpy"); }

[[noreturn]] void refuse_dtype(nb::handle dtype, const char* remedy) {
  throw bh::InvalidInput("keys have dtype " + nb::cast<std::string>(nb::str(dtype)) +
                         ", but must be integers, str or bytes; " + remedy);
}

// What a capsule of the Arrow C data interface holds.
template <typename Structure>
Structure& structure(nb::handle capsule, const char* name) {
  void* held = PyCapsule_GetPointer(capsule.ptr(), name);
  if (!held) nb::raise_python_error();
  auto& found = *static_cast<Structure*>(held);
  if (!found.release)  // its memory is gone
    throw bh::InvalidInput("keys are Arrow data that was taken before; hand out a new capsule for each call");
  return found;
}

bool contiguous(const Py_buffer& view) { return PyBuffer_IsContiguous(&view, 'C') != 0; }

}  // namespace

HeldKeys::HeldKeys(nb::handle keys, std::uint64_t seed) : source_(nb::borrow(keys)), seed_(seed) {
  if (read_scalar()) return;
  if (nb::isinstance<TextKeys>(source_)) {
    add(nb::cast<const TextKeys&>(source_).column);
    return;
  }
  if (PyTuple_Check(source_.ptr())) source_ = nb::steal(PySequence_List(source_.ptr()));
  if (!PyList_Check(source_.ptr()) && (read_buffer() || read_arrow() || read_array())) return;
  read_list();
}

bool HeldKeys::read_scalar() {
  PyObject* key = source_.ptr();
  const bool str = PyUnicode_Check(key);
  if (str || PyBytes_Check(key)) {
    kind_ = str ? KeyKind::str : KeyKind::bytes;
    one_ = hashed(checked_text(key, str, 0, true), seed_);
  } else if (PyLong_Check(key) && !PyBool_Check(key)) {
    const Integer integer = integer_of(key, 0, true);
    kind_ = integer.id >> 63 && !integer.negative ? KeyKind::u64 : KeyKind::i64;
    one_ = integer.id;
  } else if (key == Py_None) {
    nulls_ = 1;
  } else if (PyFloat_Check(key) || PyBool_Check(key) || PyByteArray_Check(key)) {
    refuse(key, "key");
  } else {
    return false;
  }
  scalar_ = true;
  rows_ = 1;
  return true;
}

void HeldKeys::add(Column column) {
  if (column.kind != KeyKind::none) kind_ = column.kind;
  nulls_ += column.nulls();
  const std::size_t first = rows_;
  rows_ += column.rows;
  if (column.rows > 0) parts_.push_back({first, std::move(column)});
}

bool HeldKeys::read_arrow() {
  try {
    if (nb::hasattr(source_, "__arrow_c_array__")) {
      const nb::object pair = source_.attr("__arrow_c_array__")();
      auto& schema = structure<ArrowSchema>(pair[0], "arrow_schema");
      const auto array = std::make_shared<streams::Released<ArrowArray>>();
      array->take(structure<ArrowArray>(pair[1], "arrow_array"));
      add(streams::import_arrow(schema, array, seed_));
    } else if (nb::hasattr(source_, "__arrow_c_stream__")) {
      const nb::object capsule = source_.attr("__arrow_c_stream__")();
      for (Column& column : streams::import_arrow(structure<ArrowArrayStream>(capsule, "arrow_array_stream"), seed_))
        add(std::move(column));
    } else {
      return false;
    }
  } catch (nb::python_error& error) {
    if (nb::hasattr(source_, "__array__")) return false;  // as pandas has without pyarrow
    throw bh::InvalidInput("keys cannot be read as Arrow data: " + nb::cast<std::string>(nb::str(error.value())));
  }
  return true;
}

bool HeldKeys::read_array() {
  if (!nb::hasattr(source_, "__array__")) return false;
  source_ = numpy().attr("asarray")(source_);
  if (read_buffer()) return true;
  const nb::object dtype = source_.attr("dtype");
  const std::string kind = nb::cast<std::string>(dtype.attr("kind"));
  if (kind != "O" && kind != "T") refuse_dtype(dtype, "view them as int64");
  source_ = source_.attr("reshape")(-1).attr("tolist")();  // of objects, or numpy's StringDType
  return false;
}

// Of numpy alone: elsewhere, as in bytearray, a buffer is what a key is made of.
bool HeldKeys::read_buffer() {
  if (!nb::hasattr(source_, "dtype")) return false;
  if (nb::hasattr(source_, "compressed")) throw bh::InvalidInput("keys are masked; pass keys.compressed()");
  auto buffer = std::make_shared<Buffer>(source_);
  if (!buffer->get()) return false;
  const std::string whole = buffer->get()->format ? buffer->get()->format : "B";
  const char code = whole.back();
  if (code == 'O') return false;
  const bool foreign = whole.front() == '>' || whole.front() == '!';
  if (foreign || !contiguous(*buffer->get())) {
    const nb::object array = numpy().attr("asarray")(source_);
    const nb::object dtype = array.attr("dtype").attr("newbyteorder")("=");
    source_ = numpy().attr("require")(array, dtype, "C");
    buffer = std::make_shared<Buffer>(source_);
  }
  const Py_buffer& view = *buffer->get();
  if (view.ndim > 1)
    throw bh::InvalidInput("keys have " + std::to_string(view.ndim) + " dimensions, but must have one; ravel() them");
  scalar_ = view.ndim == 0;
  if (!scalar_ && view.shape[0] == 0) return true;  // whatever numpy made of no keys
  Column column{};
  column.rows = scalar_ ? 1 : static_cast<std::size_t>(view.shape[0]);
  const auto* data = static_cast<const std::byte*>(view.buf);
  const auto width = static_cast<std::size_t>(view.itemsize);
  if (std::strchr("bhilqn", code) || std::strchr("BHILQN", code)) {
    const bool with_sign = code >= 'a';
    column.kind = with_sign ? KeyKind::i64 : KeyKind::u64;
    column.layout = streams::Integers{data, width, with_sign};
  } else if (code == 's') {
    column.kind = KeyKind::bytes;
    column.layout = streams::Fixed{data, width, true};
  } else if (code == 'w') {
    const streams::Wide strings{data, width / sizeof(char32_t)};
    check_code_points(strings, column.rows);
    column.kind = KeyKind::str;
    column.layout = strings;
  } else {
    refuse_dtype(numpy().attr("asarray")(source_).attr("dtype"), "round them, or view their bits as uint64");
  }
  column.owner = buffer;
  add(std::move(column));
  return true;
}

// Hashed at once, so that what is no key is found before anything is counted, without a second walk through objects
// that lie all over the memory.
void HeldKeys::read_list() {
  PyObject* list = source_.ptr();
  if (!PyList_Check(list))
    throw bh::InvalidInput("keys are of type " + class_name(source_) +
                           ", but must be integers, str or bytes; pass a list or an array of them");
  const auto rows = static_cast<std::size_t>(PyList_Size(list));
  auto ids = std::make_shared<std::vector<std::uint64_t>>(rows);
  auto valid = std::make_shared<std::vector<std::uint8_t>>();
  constexpr std::size_t kAhead = 32;
  bool negative = false, wide = false;
  for (std::size_t row = 0; row < rows; ++row) {
    PyObject* key = PyList_GetItem(list, static_cast<Py_ssize_t>(row));
    if (row + kAhead < rows) prefetch(PyList_GetItem(list, static_cast<Py_ssize_t>(row + kAhead)));
    if (!key) {  // an integer's __index__ may have changed the list
      PyErr_Clear();
      throw bh::InvalidInput("keys became shorter while they were read; pass a list that nothing changes meanwhile");
    }
    KeyKind kind = KeyKind::str;
    if (Py_TYPE(key) == &PyUnicode_Type || PyUnicode_Check(key)) {
      (*ids)[row] = hashed(checked_text(key, true, row, false), seed_);
    } else if (PyBytes_Check(key)) {
      kind = KeyKind::bytes;
      (*ids)[row] = hashed(text_of(key, false), seed_);
    } else if (key == Py_None) {
      if (valid->empty()) valid->assign(rows / 8 + 1, 0xFF);
      (*valid)[row / 8] &= static_cast<std::uint8_t>(~(1u << row % 8));
      continue;
    } else if (is_integer(key)) {
      kind = KeyKind::i64;
      const nb::object kept = nb::borrow(key);  // whatever its __index__ does
      const Integer integer = integer_of(kept, row, false);
      (*ids)[row] = integer.id;
      negative |= integer.negative;
      wide |= integer.id >> 63 && !integer.negative;
    } else {
      refuse(key, place(row, false));
    }
    if (kind_ == KeyKind::none) kind_ = kind;
    if (kind_ != kind)
      throw bh::InvalidInput("keys mix " + std::string(kind_ == KeyKind::i64 ? "int" : name(kind_)) + " and " +
                             (kind == KeyKind::i64 ? "int" : name(kind)) + ", which " + place(row, false) +
                             " is; convert all to one of them");
  }
  if (negative && wide)
    throw bh::InvalidInput("keys hold negative integers beside some beyond 2**63 - 1; pass them as text");
  Column column{};
  column.kind = kind_ == KeyKind::i64 && wide ? KeyKind::u64 : kind_;
  column.rows = rows;
  column.layout = streams::Integers{reinterpret_cast<const std::byte*>(ids->data()), sizeof(std::uint64_t), false};
  if (!valid->empty()) column.valid = valid->data();
  column.owner = std::make_shared<std::pair<decltype(ids), decltype(valid)>>(ids, valid);
  add(std::move(column));
}

KeyKind HeldKeys::joined(KeyKind held) const {
  bool wide = false;
  if (held != KeyKind::none && held != kind_ && !textual(kind_)) {
    wide = scalar_ && parts_.empty() && one_ >> 63;
    for (const Part& part : parts_) wide |= part.column.wide();
  }
  return streams::joined(held, kind_, wide);
}

void HeldKeys::check_query(KeyKind held) const {
  joined(held);
  if (nulls_ > 0)
    throw bh::InvalidInput("keys contain " + std::to_string(nulls_) +
                           " nulls, which no summary counts; drop them before you ask");
}

const HeldKeys::Part& HeldKeys::part_of(std::size_t row) const {
  const auto after = std::upper_bound(parts_.begin(), parts_.end(), row,
                                      [](std::size_t row, const Part& part) { return row < part.first; });
  return *std::prev(after);
}

std::size_t HeldKeys::ids(std::size_t first, std::size_t last, std::span<std::uint64_t> ids,
                          std::span<std::uint32_t> rows) const {
  if (parts_.empty()) {
    if (last > first && nulls_ == 0) ids[0] = one_;
    return nulls_ == 0 ? last - first : 0;
  }
  std::size_t count = 0;
  for (std::size_t row = first; row < last;) {
    const Part& part = part_of(row);
    const std::size_t stop = std::min(last - part.first, part.column.rows);
    const std::size_t more = part.column.ids(row - part.first, stop, seed_, ids.data() + count, rows.data() + count);
    const std::size_t seen = part.first + stop - row, before = row - first;
    const bool none_null = more == seen;
    if (!none_null || count != before) {  // until a null comes, rows go without saying
      if (count == before) std::iota(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), 0u);
      for (std::size_t i = 0; i < more; ++i)
        rows[count + i] = static_cast<std::uint32_t>(before + (none_null ? i : rows[count + i]));
    }
    count += more;
    row += seen;
  }
  return count;
}

std::string_view HeldKeys::text(std::size_t row) const {
  if (PyList_Check(source_.ptr()) || parts_.empty()) {
    PyObject* key = parts_.empty() ? source_.ptr() : PyList_GetItem(source_.ptr(), static_cast<Py_ssize_t>(row));
    const std::string_view text = !key                   ? std::string_view()
                                  : PyUnicode_Check(key) ? text_of(key, true)
                                  : PyBytes_Check(key)   ? text_of(key, false)
                                                         : std::string_view();
    PyErr_Clear();
    return text;
  }
  const Part& part = part_of(row);
  return part.column.text(row - part.first, scratch_);
}

nb::object key_object(KeyKind kind, std::string_view text) {
  const auto length = static_cast<Py_ssize_t>(text.size());
  return nb::steal(kind == KeyKind::str ? PyUnicode_DecodeUTF8(text.data(), length, "backslashreplace")
                                        : PyBytes_FromStringAndSize(text.data(), length));
}

nb::object HeldKeys::take(std::span<const std::size_t> rows) const {
  if (textual(kind_)) {
    nb::list taken;
    for (const std::size_t row : rows) taken.append(key_object(kind_, text(row)));
    return taken;
  }
  std::vector<std::uint64_t> taken(rows.size());
  std::uint32_t none;
  for (std::size_t i = 0; i < rows.size(); ++i) ids(rows[i], rows[i] + 1, {&taken[i], 1}, {&none, 1});
  const nb::object array = nb::cast(as_numpy(std::move(taken), {rows.size()}));
  return kind_ == KeyKind::i64 ? array.attr("view")("int64") : array;
}

void bind_keys(nb::module_& m) {
  nb::class_<HeldKeys>(m, "Keys")
      .def(nb::init<nb::handle, std::uint64_t>(), "keys"_a.none(), "seed"_a)
      .def_prop_ro("kind", [](const HeldKeys& self) { return streams::name(self.kind()); })
      .def_prop_ro("scalar", &HeldKeys::scalar)
      .def_prop_ro("nulls", &HeldKeys::nulls)
      .def("__len__", &HeldKeys::size)
      .def("ids",
           [](const HeldKeys& self) {
             std::vector<std::uint64_t> all;
             {
               const Unlocked unlocked(self.size());
               all.reserve(self.size() - self.nulls());
               self.each_block([&](auto ids, auto, std::size_t) { all.insert(all.end(), ids.begin(), ids.end()); });
             }
             const std::size_t count = all.size();
             return as_numpy(std::move(all), {count});
           })
      .def(
          "take",
          [](const HeldKeys& self, const Array<std::uint64_t>& rows) {
            std::vector<std::size_t> wanted(rows.data(), rows.data() + rows.size());
            for (std::size_t& row : wanted)
              if (row >= self.size()) throw bh::InvalidInput("row " + std::to_string(row) + " is beyond the keys");
            return self.take(wanted);
          },
          "rows"_a.noconvert());
}
