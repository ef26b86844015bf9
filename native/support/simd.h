// Two ways to use the vector unit of the machine at hand, with bits that agree on all of them.
#pragma once
#include <cstddef>  // brings __GLIBC__
#include <cstdlib>
#include <cstring>

// __AVX__ means that -march was given: then the widths are fixed at compile time.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__AVX__) && !defined(BH_NO_MULTIVERSION)
#define BH_DISPATCH 1
#define BH_TARGET(arch) __attribute__((target("arch=" arch)))
#define BH_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define BH_DISPATCH 0
#define BH_TARGET(arch)
#define BH_MULTIVERSION
#endif
#define BH_INLINE inline __attribute__((always_inline))

namespace bh {

// Floats in a vector register: the widths that kernels are built for.
enum class Isa : int { v1 = 4, v3 = 8, v4 = 16 };

#if BH_DISPATCH
inline Isa detect_isa() {
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  const char* cap = std::getenv("BEFOREHAND_ISA");  // tests and benchmarks take a lower one, never a higher
  if (v4 && (!cap || std::strcmp(cap, "v4") == 0)) return Isa::v4;
  if (v3 && (!cap || std::strcmp(cap, "v1") != 0)) return Isa::v3;
  return Isa::v1;
}
inline Isa isa() {
  static const Isa chosen = detect_isa();
  return chosen;
}
#elif defined(__AVX512F__)
constexpr Isa isa() { return Isa::v4; }
#elif defined(__AVX__)
constexpr Isa isa() { return Isa::v3; }
#else
constexpr Isa isa() { return Isa::v1; }
#endif

// A kernel is a struct with `template <int Width> static BH_INLINE void run(args...)`. Vectors travel by reference
// only: by value across functions of different targets they arrive garbled (-Werror=psabi guards that).
template <typename Kernel, typename... Args>
BH_TARGET("x86-64-v4")
void run_v4(Args... args) {
  Kernel::template run<16>(args...);
}
template <typename Kernel, typename... Args>
BH_TARGET("x86-64-v3")
void run_v3(Args... args) {
  Kernel::template run<8>(args...);
}
template <typename Kernel, typename... Args>
void run_v1(Args... args) {
  Kernel::template run<4>(args...);
}
template <typename Kernel, typename... Args>
void run_at(Isa isa, Args... args) {
  switch (isa) {
    case Isa::v4: return run_v4<Kernel>(args...);
    case Isa::v3: return run_v3<Kernel>(args...);
    case Isa::v1: return run_v1<Kernel>(args...);
  }
}

template <int Width>
struct Lanes {
  typedef float F __attribute__((vector_size(Width * sizeof(float))));
};
template <typename Vector>
BH_INLINE void load(Vector& v, const void* from) {
  std::memcpy(&v, from, sizeof v);
}
template <typename Vector>
BH_INLINE void store(void* to, const Vector& v) {
  std::memcpy(to, &v, sizeof v);
}

}  // namespace bh
