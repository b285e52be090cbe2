// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <bit>
#include <charconv>

namespace hawser::ivshmem {
namespace {

constexpr std::string_view kUnits = "KMGT";

/// The shift that a unit stands for; -1 if it is none.
int unit_shift(std::string_view unit) {
  if (unit.empty()) return 0;
  const char letter = unit[0] >= 'a' && unit[0] <= 'z' ? static_cast<char>(unit[0] - 'a' + 'A') : unit[0];
  if (letter == 'B' && unit.size() == 1) return 0;
  const auto index = kUnits.find(letter);
  if (index == std::string_view::npos) return -1;
  const std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "B" && rest != "iB") return -1;
  return static_cast<int>(10 * (index + 1));
}

}  // namespace

std::uint64_t parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const int shift = error == std::errc{} ? unit_shift({stop, static_cast<std::size_t>(end - stop)}) : -1;
  if (error == std::errc::result_out_of_range || (shift > 0 && number > (UINT64_MAX >> shift))) {
    Error::raise("the size \"{}\" does not fit in 64 bits", text);
  }
  if (shift < 0) {
    Error::raise("\"{}\" is not a size: expected a number with an optional K, M, G or T, such as 16M", text);
  }
  return number << shift;
}

void check_memory_size(std::uint64_t size) {
  if (size < kMinMemorySize) {
    Error::raise("the size {} is too small: a shared object has at least 4K", format_size(size));
  }
  if (size > kMaxMemorySize) {
    Error::raise("the size {} is too large: a shared object has at most {}", format_size(size),
                 format_size(kMaxMemorySize));
  }
  if (!std::has_single_bit(size)) {
    const std::uint64_t below = std::bit_floor(size);
    Error::raise("the size {} is not a power of two, which a PCI BAR must be: use {} or {}",
                 format_size(size), format_size(below), format_size(below * 2));
  }
}

std::uint64_t parse_memory_size(std::string_view text) {
  const std::uint64_t size = parse_size(text);
  check_memory_size(size);
  return size;
}

void check_vectors(std::uint64_t vectors) {
  if (vectors < 1 || vectors > kMaxVectors) {
    Error::raise("{} vectors are not possible: MSI-X has 1 to {}", vectors, kMaxVectors);
  }
}

void check_max_peers(std::uint64_t peers) {
  if (peers < 1 || peers > kMaxPeers) {
    Error::raise("{} peers are not possible: a link has 1 to {}", peers, kMaxPeers);
  }
}

std::string format_size(std::uint64_t size) {
  int unit = -1;
  while (size != 0 && size % 1024 == 0 && unit + 1 < static_cast<int>(kUnits.size())) {
    size /= 1024;
    ++unit;
  }
  return unit < 0 ? fmt::format("{}", size)
                  : fmt::format("{}{}", size, kUnits[static_cast<std::size_t>(unit)]);
}

}  // namespace hawser::ivshmem
