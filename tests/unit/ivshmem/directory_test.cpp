// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/directory.hpp>
#include <hawser/ivshmem/queue_layout.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace hawser;
using namespace hawser::ivshmem;

namespace {

struct Window {
  explicit Window(std::size_t bytes) : words(bytes / 8) {}
  RegionMemory memory() { return RegionMemory(std::as_writable_bytes(std::span(words))); }
  Directory& directory() { return *reinterpret_cast<Directory*>(words.data()); }
  std::vector<std::uint64_t> words;
};

}  // namespace

TEST_CASE("a zeroed window is formatted, and a second party reads the same places") {
  Window window(1 << 20);
  auto first = find_area(window.memory(), 1, 4);
  REQUIRE(first.ok());
  auto second =
      find_area(window.memory(), 1, 99);  // what is there counts, not what this party would have made
  REQUIRE(second.ok());
  CHECK(first->offset == second->offset);
  CHECK(first->bytes == second->bytes);
  CHECK(first->offset == kDirectoryBytes + first->bytes);
  CHECK(find_area(window.memory(), 4, 4).error() == DirectoryError::kNoSuchLink);
}

TEST_CASE("a window too small for its links is refused") {
  Window window(64 * 1024);
  CHECK(find_area(window.memory(), 0, 1).error() == DirectoryError::kWindowIsTooSmall);
  Window larger(128 * 1024);
  CHECK(find_area(larger.memory(), 0, 0).error() == DirectoryError::kWindowIsTooSmall);
  CHECK(find_area(larger.memory(), 0, 2).error() == DirectoryError::kWindowIsTooSmall);
  CHECK(find_area(larger.memory(), 0, 1).ok());
}

TEST_CASE("each lie in a directory is found") {
  const auto after = [](auto lie) {
    Window window(1 << 20);
    REQUIRE(find_area(window.memory(), 0, 2).ok());
    lie(window.directory());
    auto found = find_area(window.memory(), 1, 2);
    REQUIRE_FALSE(found.ok());
    return found.error();
  };
  CHECK(after([](Directory& d) { d.magic = 1; }) == DirectoryError::kForeignContents);
  CHECK(after([](Directory& d) { d.version = 2; }) == DirectoryError::kUnknownVersion);
  CHECK(after([](Directory& d) { d.window_bytes = 1 << 21; }) == DirectoryError::kWrongWindowSize);
  CHECK(after([](Directory& d) { d.area_count = 0; }) == DirectoryError::kImpossibleAreas);
  CHECK(after([](Directory& d) { d.area_count = 0xffffffff; }) == DirectoryError::kImpossibleAreas);
  CHECK(after([](Directory& d) { d.area_offset = 0; }) == DirectoryError::kImpossibleAreas);
  CHECK(after([](Directory& d) { d.area_offset = ~0ull - 4095; }) == DirectoryError::kImpossibleAreas);
  CHECK(after([](Directory& d) { d.area_bytes = ~0ull - 4095; }) == DirectoryError::kImpossibleAreas);
  CHECK(after([](Directory& d) { d.area_bytes = 4096; }) == DirectoryError::kImpossibleAreas);
  CHECK(after([](Directory& d) { d.area_bytes = kMinimumAreaBytes + 4; }) ==
        DirectoryError::kImpossibleAreas);
}

TEST_CASE("a driver refuses each lie in a layout B header, and the device does not read its own back") {
  const auto after = [](auto lie) {
    Window window(kDataOffset);
    describe_queues(window.memory(), QueueKind::kSelfDescribing);
    REQUIRE(find_queues(window.memory(), Role::kDriver, QueueKind::kSelfDescribing).ok());
    lie(*reinterpret_cast<LayoutHeader*>(window.words.data()));
    CHECK(find_queues(window.memory(), Role::kDevice, QueueKind::kSelfDescribing).ok());
    auto found = find_queues(window.memory(), Role::kDriver, QueueKind::kSelfDescribing);
    REQUIRE_FALSE(found.ok());
    return found.error();
  };
  CHECK(after([](LayoutHeader& h) { h.magic = 0; }) == LayoutError::kNoHeader);
  CHECK(after([](LayoutHeader& h) { h.version = 9; }) == LayoutError::kNoHeader);
  CHECK(after([](LayoutHeader& h) { h.queue_elements = 1; }) == LayoutError::kElementsImpossible);
  CHECK(after([](LayoutHeader& h) { h.queue_elements = 0xffff; }) == LayoutError::kElementsImpossible);
  CHECK(after([](LayoutHeader& h) { h.element_bytes = 48; }) == LayoutError::kElementsImpossible);
  CHECK(after([](LayoutHeader& h) { h.element_bytes = 54; }) == LayoutError::kElementsImpossible);
  CHECK(after([](LayoutHeader& h) { h.notification_words = 0; }) == LayoutError::kElementsImpossible);
  CHECK(after([](LayoutHeader& h) { h.notification_words = 65; }) == LayoutError::kElementsImpossible);
  CHECK(after([](LayoutHeader& h) { h.queue_elements = 1000; }) == LayoutError::kOutsideTheArea);
  CHECK(after([](LayoutHeader& h) { h.device_elements_offset = kDataOffset; }) ==
        LayoutError::kOutsideTheArea);
  CHECK(after([](LayoutHeader& h) { h.driver_elements_offset = ~0ull; }) == LayoutError::kOutsideTheArea);
  CHECK(after([](LayoutHeader& h) { h.driver_queue_head_offset = 3; }) == LayoutError::kOutsideTheArea);
  CHECK(after([](LayoutHeader& h) { h.device_notification_offset = kDataOffset - 8; }) ==
        LayoutError::kOutsideTheArea);
  Window window(kDataOffset);
  CHECK(find_queues(window.memory(), Role::kDriver, QueueKind{7}).error() == LayoutError::kUnknownKind);
}
