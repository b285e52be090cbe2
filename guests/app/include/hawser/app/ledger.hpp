// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What is known of a disk by acknowledgements, kept where it survives whoever writes to the disk. A version is written
// once, to one chunk, and each sector says which one it holds.
#pragma once

#include <hawser/transport/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::app {

/// All zeros is a new one, for a disk of zeros. Plain words, so that it can lie in shared memory.
struct Ledger {
  static constexpr std::size_t kChunks = 12;
  static constexpr std::size_t kSectorBytes = 512;

  struct Chunk {
    std::uint32_t begun;         ///< The newest version that was submitted.
    std::uint32_t acknowledged;  ///< The newest that was acknowledged: nothing older may ever be read again.
  };

  /// From one sector to more bytes than fit in a parcel's usual fragment.
  static constexpr std::size_t sectors(std::size_t chunk) { return 1 + 5 * chunk; }
  static constexpr std::size_t first_sector(std::size_t chunk) {
    return chunk + 5 * (chunk * (chunk - (chunk != 0 ? 1 : 0)) / 2);
  }
  static constexpr std::size_t total_sectors() { return first_sector(kChunks); }

  /// A new version, to be written to that chunk.
  std::uint32_t begin(std::size_t chunk) { return chunks[chunk].begun = ++last_version; }
  void acknowledge(std::size_t chunk, std::uint32_t version) {
    chunks[chunk].acknowledged = version;
    ++acknowledgements;
  }
  /// Whether a sector of the chunk may hold this version.
  bool allows(std::size_t chunk, std::uint32_t version) const {
    return version >= chunks[chunk].acknowledged && version <= chunks[chunk].begun;
  }

  std::array<Chunk, kChunks> chunks;
  std::uint32_t last_version;
  std::uint32_t acknowledgements;
};

/// What is in sector `sector` of the disk when it has that version.
inline void stamp(std::span<std::byte, Ledger::kSectorBytes> bytes, std::size_t sector,
                  std::uint32_t version) {
  const std::array<std::uint32_t, 2> head = {version, static_cast<std::uint32_t>(sector)};
  Random(std::uint64_t{version} << 32 | sector).fill(bytes);
  std::memcpy(bytes.data(), head.data(), sizeof head);
}

/// A version that no chunk ever has: the bytes are not what anybody wrote there.
inline constexpr std::uint32_t kNoVersion = UINT32_MAX;

/// Which version the sector holds; 0: it was never written.
inline std::uint32_t version_in(std::span<const std::byte, Ledger::kSectorBytes> bytes, std::size_t sector) {
  std::uint32_t version;
  std::memcpy(&version, bytes.data(), sizeof version);
  std::array<std::byte, Ledger::kSectorBytes> expected{};
  if (version != 0) stamp(expected, sector, version);
  return std::memcmp(bytes.data(), expected.data(), expected.size()) == 0 ? version : kNoVersion;
}

/// A sector that holds what it may not.
struct Loss {
  std::size_t chunk = 0;
  std::size_t sector = 0;  ///< Of the disk.
  std::uint32_t version = 0;
  Ledger::Chunk known{};
};

/// Compares a chunk's bytes with what is known of it. True: all of it may be so.
inline bool agrees(const Ledger& ledger, std::size_t chunk, std::span<const std::byte> bytes, Loss& loss) {
  for (std::size_t n = 0; n < Ledger::sectors(chunk); ++n) {
    const std::size_t sector = Ledger::first_sector(chunk) + n;
    const auto version =
        version_in(bytes.subspan(n * Ledger::kSectorBytes).first<Ledger::kSectorBytes>(), sector);
    if (version != kNoVersion && ledger.allows(chunk, version)) continue;
    loss = {chunk, sector, version, ledger.chunks[chunk]};
    return false;
  }
  return true;
}

}  // namespace hawser::app
