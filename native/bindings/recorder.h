// How a recorder crosses the border, also to other extensions of this package: a background thread that records holds
// the ring, never an object of Python.
#pragma once
#include <memory>

#include "ranges/recorder.h"

struct HeldRecorder {
  std::shared_ptr<bh::ranges::QueryRecorder> ring;
};
