// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block driver with a device that lies.
#include "support/blk_rig.hpp"

#include <hawser/virtio/driver/blk_waiting.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;
using driver::BlkError;
using driver::BlkRequest;

namespace {

/// A device whose every answer is the test's.
struct Liar {
  static constexpr std::uint32_t kDeviceId = VIRTIO_ID_BLOCK;

  Features offered() const { return features; }
  bool acceptable(Features) const { return true; }
  std::uint16_t queue_count() const { return 4; }
  std::uint16_t queue_max_size(std::uint16_t) const { return queue_size; }
  std::uint32_t config_size() const { return config_bytes; }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    std::memcpy(out.data(), wire_bytes(config).data() + at, out.size());
  }
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() { return false; }
  void start(Features) {}
  void attach(std::uint16_t index, AnyDeviceQueue<RegionMemory> queue) { queues[index] = std::move(queue); }
  void detach(std::uint16_t index) { queues[index] = {}; }
  Work service(std::uint16_t index) {
    std::array<Segment, 80> storage;
    auto chain = queues[index].try_take(storage);
    if (!chain.ok()) return {};
    ++requests;
    const std::uint32_t written = answer(*chain);
    queues[index].complete(std::move(*chain), written);
    return {.more = true, .notify = queues[index].publish()};
  }
  bool prepare_to_wait(std::uint16_t index) { return queues[index].arm(); }
  bool needs_reset() const { return asks_for_reset; }
  void stop() {
    for (auto& queue : queues) queue = {};
  }

  void say(const Chain& chain, std::uint8_t status) {
    const Segment& last = chain.writable().back();
    region.at(last.at + (last.bytes - 1), 1)[0] = std::byte{status};
  }

  explicit Liar(TestRegion& r) : region(r) {
    config.capacity = 1024;
    config.seg_max = 8;
    config.size_max = 4096;
    config.num_queues = 1;
    config.max_discard_sectors = 64;
    config.max_discard_seg = 1;
    config.max_write_zeroes_sectors = 64;
    config.max_write_zeroes_seg = 1;
  }

  TestRegion& region;
  Features features{VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_FLUSH,
                    VIRTIO_BLK_F_MQ,       VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES};
  virtio_blk_config config{};
  std::uint32_t config_bytes = sizeof(config);
  std::uint16_t queue_size = 64;
  std::array<AnyDeviceQueue<RegionMemory>, 4> queues;
  std::function<std::uint32_t(const Chain&)> answer;
  unsigned requests = 0;
  bool asks_for_reset = false;
};

using Transport = DirectTransport<Liar>;

struct Victim {
  explicit Victim(Features ring = {}) : transport(region, liar, ring) {
    liar.answer = [this](const Chain& chain) {
      liar.say(chain, VIRTIO_BLK_S_OK);
      return static_cast<std::uint32_t>(chain.writable_bytes());
    };
  }
  BlkError error_of_read() {
    Bytes out(512);
    const auto result = waiting.read(0, out, transport.now() + seconds(1));
    REQUIRE_FALSE(result.ok());
    return result.error();
  }

  TestRegion region;
  Liar liar{region};
  Transport transport;
  driver::BlkRoom<RegionMemory, 8, 8, 3, 64> room;
  driver::Blk<Transport> driver{room};
  driver::WaitingBlk<Transport> waiting{driver};
};

}  // namespace

TEST_CASE("each status has its name, and one that does not exist or was never written has, too") {
  Victim v;
  REQUIRE(v.driver.start(v.transport).ok());
  std::uint8_t status = 0;
  v.liar.answer = [&](const Chain& chain) {
    if (status != 0xee) v.liar.say(chain, status);
    return static_cast<std::uint32_t>(chain.writable_bytes());
  };
  status = 1;
  CHECK(v.error_of_read() == BlkError::kDeviceError);
  status = 2;
  CHECK(v.error_of_read() == BlkError::kUnsupported);
  status = 3;
  CHECK(v.error_of_read() == BlkError::kBadStatus);
  status = 0xff;
  CHECK(v.error_of_read() == BlkError::kBadStatus);
  status = 0xee;
  CHECK(v.error_of_read() == BlkError::kBadStatus);
  status = 0;
  Bytes out(512);
  CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
  status = 0xee;
  CHECK(v.error_of_read() == BlkError::kBadStatus);  // and not the last one's OK
  CHECK(v.driver.counters().failed == 6);
}

TEST_CASE(
    "requests are on the wire as VIRTIO 1.3 §5.2.6 has them: no sector, data or flag where none belongs") {
  Victim v;
  REQUIRE(v.driver.start(v.transport).ok());
  Bytes said;
  std::uint64_t room = 0;
  v.liar.answer = [&](const Chain& chain) {
    said.clear();
    for (const Segment& segment : chain.readable()) {
      const auto bytes = v.region.at(segment.at, segment.bytes);
      said.insert(said.end(), bytes.begin(), bytes.end());
    }
    room = chain.writable_bytes();
    v.liar.say(chain, VIRTIO_BLK_S_OK);
    return static_cast<std::uint32_t>(room);
  };
  const auto header = [](std::uint32_t type, std::uint64_t sector) {
    return bytes_of(virtio_blk_req_header{.type = type, .reserved = 0, .sector = sector});
  };
  const Offset buffer = *v.region.arena().allocate(1024);
  const auto ask = [&](const BlkRequest& request) {
    REQUIRE(v.driver.submit(request).ok());
    v.transport.serve();
    v.driver.poll();
    REQUIRE(v.driver.take()->result.ok());
  };
  ask(BlkRequest::flush());
  CHECK(said == header(VIRTIO_BLK_T_FLUSH, 0));
  CHECK(room == 1);
  ask(BlkRequest::tell_id(buffer));
  CHECK(said == header(VIRTIO_BLK_T_GET_ID, 0));
  CHECK(room == VIRTIO_BLK_ID_BYTES + 1);
  ask(BlkRequest::read(7, buffer, 1024));
  CHECK(said == header(VIRTIO_BLK_T_IN, 7));
  CHECK(room == 1024 + 1);
  ask(BlkRequest::discard(7, 1024));
  CHECK(said == header(VIRTIO_BLK_T_DISCARD, 0) + blk_range(7, 2, 0));
  ask(BlkRequest::write_zeroes(7, 1024, false));
  CHECK(said == header(VIRTIO_BLK_T_WRITE_ZEROES, 0) + blk_range(7, 2, 0));
}

TEST_CASE("a read that reports success and too few bytes is no read") {
  Victim v({VIRTIO_F_RING_PACKED});
  REQUIRE(v.driver.start(v.transport).ok());
  std::uint32_t written = 0;
  v.liar.answer = [&](const Chain& chain) {
    v.liar.say(chain, VIRTIO_BLK_S_OK);
    return written;
  };
  for (const std::uint32_t lie : {0u, 1u, 511u}) {
    written = lie;
    CHECK(v.error_of_read() == BlkError::kShortRead);
  }
  written = 512;  // the status was not counted: it can be seen that it was written
  Bytes out(512);
  CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
  written = 0;
  CHECK(v.waiting.write(0, out, v.transport.now() + seconds(1)).ok());
}

TEST_CASE("a device that says it wrote more than it could breaks the driver, and only a restart helps") {
  for (const Features ring : {Features{}, Features{VIRTIO_F_RING_PACKED}}) {
    Victim v(ring);
    REQUIRE(v.driver.start(v.transport).ok());
    v.liar.answer = [&](const Chain& chain) {
      v.liar.say(chain, VIRTIO_BLK_S_OK);
      return v.liar.requests == 1 ? 514u : static_cast<std::uint32_t>(chain.writable_bytes());
    };
    CHECK(v.error_of_read() == BlkError::kNotRunning);
    CHECK(v.driver.state() == driver::Blk<Transport>::State::kBroken);
    CHECK(std::string(v.driver.broken_reason()) == describe(QueueFault::kUsedLengthTooLong));
    v.driver.poll();
    CHECK(v.error_of_read() == BlkError::kNotRunning);
    REQUIRE(v.driver.resume(v.transport).ok());
    CHECK(std::string(v.driver.broken_reason()).empty());
    Bytes out(512);
    CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
  }
}

TEST_CASE("an answer given twice breaks the driver and ends no request twice") {
  Victim v;
  REQUIRE(v.driver.start(v.transport).ok());
  const Offset buffer = *v.region.arena().allocate(1024);
  REQUIRE(v.driver.submit(BlkRequest::read(0, buffer, 512, Token{1})).ok());
  v.transport.serve();
  // The used ring says it again: the same entry, one further.
  const auto used = v.region.at(v.transport.layouts.at(0).device, 4 + 8 * 64);
  std::memcpy(used.data() + 12, used.data() + 4, 8);
  used[2] = std::byte{2};
  REQUIRE(v.driver.submit(BlkRequest::read(1, buffer + 512, 512, Token{2})).ok());
  v.driver.poll();
  const auto first = v.driver.take();
  REQUIRE(first);
  CHECK(first->token == Token{1});
  CHECK(first->result.ok());
  CHECK_FALSE(v.driver.take());
  CHECK(v.driver.state() == driver::Blk<Transport>::State::kBroken);
  CHECK(v.driver.unfinished() == 1);
  REQUIRE(v.driver.resume(v.transport).ok());
  v.transport.serve();
  v.driver.poll();
  CHECK(v.driver.take()->token == Token{2});
}

TEST_CASE("a device that asks for its reset is not used until it got one") {
  Victim v;
  REQUIRE(v.driver.start(v.transport).ok());
  v.liar.asks_for_reset = true;
  v.driver.poll();
  CHECK(std::string(v.driver.broken_reason()) == "the device asks to be reset");
  const Offset buffer = *v.region.arena().allocate(512);
  REQUIRE(v.driver.submit(BlkRequest::read(0, buffer, 512)).ok());
  v.transport.serve();
  CHECK(v.liar.requests == 0);
  v.liar.asks_for_reset = false;
  REQUIRE(v.driver.resume(v.transport).ok());
  v.transport.serve();
  CHECK(v.liar.requests == 1);
}

TEST_CASE("limits that make no sense become the nearest that do, or the device is refused") {
  Victim v;
  const auto start = [&] { return v.driver.resume(v.transport); };
  v.liar.config.seg_max = 0;
  REQUIRE(start().ok());
  CHECK(v.driver.limits().seg_max == 1);
  v.liar.config.size_max = 0;
  REQUIRE(start().ok());
  v.liar.config.size_max = 511;  // no sector fits in one segment of that
  CHECK(start().error() == TransportError::kBadAnswer);
  CHECK(v.transport.failed);  // §3.1.1: the device is told
  v.liar.config.seg_max = UINT32_MAX;
  v.liar.config.size_max = UINT32_MAX;
  REQUIRE(start().ok());
  CHECK_FALSE(v.transport.failed);
  v.liar.config.capacity = UINT64_MAX;
  REQUIRE(start().ok());
  CHECK(v.driver.submit(BlkRequest::read(UINT64_MAX - 1, Offset(0), 512)).error() ==
        BlkError::kOutsideTheDisk);
  v.liar.config.capacity = 0;
  REQUIRE(start().ok());
  CHECK(v.driver.submit(BlkRequest::read(0, Offset(0), 512)).error() == BlkError::kOutsideTheDisk);
  v.liar.config.capacity = 1024;
  v.liar.config.num_queues = 0;
  REQUIRE(start().ok());
  CHECK(v.driver.queues() == 1);
  v.liar.config.num_queues = 65535;
  REQUIRE(start().ok());
  CHECK(v.driver.queues() == 3);  // as many as we have room for
  v.liar.config.max_discard_sectors = 0;
  v.liar.config.max_write_zeroes_seg = 0;
  v.liar.config.discard_sector_alignment = 0;
  REQUIRE(start().ok());
  CHECK(v.driver.submit(BlkRequest::discard(0, 512)).error() == BlkError::kNotOffered);
  CHECK(v.driver.submit(BlkRequest::write_zeroes(0, 512, false)).error() == BlkError::kNotOffered);
  v.liar.queue_size = 2;
  CHECK(start().error() == TransportError::kQueueRefused);
  v.liar.queue_size = 5;  // not a power of two: four of it are used
  REQUIRE(start().ok());
  Bytes out(4096);
  CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
}

TEST_CASE("limits that are told later and under which no sector fits are refused, and the old ones stay") {
  Victim v;
  REQUIRE(v.driver.start(v.transport).ok());
  v.liar.config.size_max = 1;
  v.liar.config.seg_max = 1;
  CHECK(v.driver.reload_config().error() == TransportError::kBadAnswer);
  CHECK(v.driver.limits().size_max == 4096);
  Bytes out(512);
  CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
}

TEST_CASE("what is left of a request for which the device offers no room any more fails") {
  Victim v;
  REQUIRE(v.driver.start(v.transport).ok());
  REQUIRE(
      v.driver.submit(BlkRequest::write_zeroes(0, 1024 * 512, false)).ok());  // more parts than fit at once
  v.liar.config.max_write_zeroes_sectors = 0;
  REQUIRE(v.driver.reload_config().ok());
  for (unsigned n = 0; n < 100; ++n) {
    v.transport.serve();
    v.driver.poll();
  }
  const auto ended = v.driver.take();
  REQUIRE(ended);
  CHECK(ended->result.error() == BlkError::kNotOffered);
}

TEST_CASE("fields whose feature was not offered are not looked at") {
  Victim v;
  v.liar.features = {};
  v.liar.config.size_max = 1;
  v.liar.config.num_queues = 9;
  REQUIRE(v.driver.start(v.transport).ok());
  CHECK(v.driver.limits().size_max == UINT32_MAX);
  CHECK(v.driver.limits().seg_max == 1);
  CHECK(v.driver.queues() == 1);
  CHECK(v.driver.limits().discard_sectors == 0);
  Bytes out(8192);
  CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
  CHECK(v.liar.requests == 1);
}

TEST_CASE("of the configuration no more is read than the negotiated features need") {
  const std::pair<Features, std::uint32_t> devices[] = {{{}, 8},
                                                        {{VIRTIO_BLK_F_SEG_MAX}, 16},
                                                        {{VIRTIO_BLK_F_BLK_SIZE}, 24},
                                                        {{VIRTIO_BLK_F_MQ}, 36},
                                                        {{VIRTIO_BLK_F_DISCARD}, 48},
                                                        {{VIRTIO_BLK_F_WRITE_ZEROES}, 57}};
  for (const auto& device : devices) {
    const Features& features = device.first;
    const std::uint32_t bytes = device.second;
    CAPTURE(bytes);
    Victim v;
    v.liar.features = features;
    v.liar.config.blk_size = 512;
    v.liar.config_bytes = bytes;
    REQUIRE(v.driver.start(v.transport).ok());
    CHECK(v.driver.capacity() == 1024);
    CHECK(v.transport.early_reads == 0);  // §5.2.5.1: none before the features are agreed
    Bytes out(512);
    CHECK(v.waiting.read(0, out, v.transport.now() + seconds(1)).ok());
    v.liar.config_bytes = bytes - 1;
    CHECK(v.driver.resume(v.transport).error() == TransportError::kOutOfRange);
  }
}

TEST_CASE("every error says what it means") {
  for (unsigned n = 0; n <= static_cast<unsigned>(BlkError::kNoMemory); ++n) {
    CHECK(std::string(driver::describe(static_cast<BlkError>(n))) != "an unknown block error");
  }
}
