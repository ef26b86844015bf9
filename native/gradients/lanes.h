// Sums on the wire: lanes of few bits side by side in integers that every sum collective adds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace bh::gradients {

// Lane l of container c, of ceil(n / lanes), holds value l * containers + c at bit width * l. The sums of workers fit
// their lanes, which is checked before the first round; so sums of containers are containers of sums, even where the
// top lane reaches the sign.
template <typename Value, typename Container>
void pack_lanes(std::span<const Value> values, int width, std::span<Container> containers);
template <typename Value, typename Container>
void unpack_lanes(std::span<const Container> containers, int width, std::span<Value> values);

// values * factor - offset, each of the two operations rounded.
template <typename Value>
void decode_lanes(std::span<const Value> values, float factor, float offset, std::span<float> out);

// In float64, by blocks of 1024 values: value i in lane i % 16, then each lane with the one half as many beyond, down
// to one. Blocks are added neighbor to neighbor, as in a tree with zeros behind. So registers of any width give the
// same bits, and so can a GPU, whose threads must not wait for each other all along a bucket.
double sum_of_squares(std::span<const float> x);

}  // namespace bh::gradients
