// What a rival is asked with if it takes the bounds as they are.
#pragma once

struct Plain {
  const Codes &lo, &hi;
};
