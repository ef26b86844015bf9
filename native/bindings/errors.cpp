#include "support/errors.h"

#include "bindings/bindings.h"

namespace nb = nanobind;

// The exceptions of beforehand.core.errors themselves are raised: what crosses the border needs no second translation.
void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    const auto raise = [](const char* name, const char* what) {
      const nb::object type = nb::module_::import_("beforehand.core.errors").attr(name);
      PyErr_SetString(type.ptr(), what);
    };
    try {
      std::rethrow_exception(thrown);
    } catch (const bh::InvalidInput& error) {
      raise("InvalidInput", error.what());
    } catch (const bh::CapacityExceeded& error) {
      raise("CapacityExceeded", error.what());
    } catch (const bh::CorruptData& error) {
      raise("CorruptData", error.what());
    } catch (const bh::TimedOut& error) {
      raise("TimedOut", error.what());
    } catch (const bh::Closed& error) {
      raise("Closed", error.what());
    } catch (const bh::StorageError& error) {
      raise("StorageError", error.what());
    }
  });
}
