// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Any offset, length and alignment that a peer can name: the door lets through exactly what lies inside.
#include <hawser/transport/memory.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

using namespace hawser;

namespace {

struct Request {
  le64 offset;
  le64 bytes;
  le16 size;
  std::uint8_t align_log2;
  std::uint8_t at;
  le32 unused;
};

void must(bool truth) {
  if (!truth) std::abort();
}

/// The rule in arithmetic too wide to wrap.
bool inside(const Request& request, std::uint64_t size, std::uint64_t align) {
  using Wide = unsigned __int128;
  return Wide{request.offset} + Wide{request.bytes} <= Wide{size} && request.offset % align == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = read_wire<Request>(std::as_bytes(std::span(data, size)));
  if (!request) return 0;
  const std::size_t region = request->size;
  const std::uint64_t align = std::uint64_t{1} << (request->align_log2 % 16);

  // Exactly as long as the region says, so that one byte too far is seen.
  std::unique_ptr<std::byte, decltype(&std::free)> owned(
      static_cast<std::byte*>(std::aligned_alloc(64, (region + 63) / 64 * 64)), &std::free);
  const RegionMemory memory(std::span(owned.get(), region));

  const auto area = memory.area(Offset(request->offset), request->bytes, align);
  must(area.ok() == inside(*request, region, align));
  if (!area.ok()) return 0;
  must(area->size() == request->bytes);
  if (area->size() == 0) return 0;

  const std::size_t at = request->at % area->size();
  const std::array<std::byte, 1> in{std::byte{0x5a}};
  std::array<std::byte, 1> out{};
  area->write(at, in);
  area->read(at, out);
  must(out == in);
  return 0;
}
