// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// docs/wire/argo-bus.md against what a link really sends: its tables are read, and captured frames are decoded by them.
#include "two_domains.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace hawser::argo {

namespace {

struct Field {
  std::size_t at;
  std::size_t bytes;
};

/// Rows "| 0x04 | le32 to | ... |" and "| 0x48570001 | HELLO | ... |" of the table after a heading.
class Document {
 public:
  Document() {
    std::ifstream file(HAWSER_WIRE_DOCUMENT);
    REQUIRE(file.good());
    std::string line;
    std::string heading;
    while (std::getline(file, line)) {
      if (line.starts_with('#')) heading = line.substr(line.find_first_not_of("# "));
      if (!line.starts_with("| 0x")) continue;
      std::istringstream words(line);
      std::string bar;
      std::string number;
      std::string first;
      std::string second;
      words >> bar >> number >> bar >> first >> second;
      const std::size_t value = std::stoul(number, nullptr, 16);
      if (first.starts_with("le")) {
        fields_[heading + "/" + second] = {value, std::stoul(first.substr(2)) / 8};
      } else {
        numbers_[heading + "/" + first] = value;
      }
    }
  }

  std::uint64_t decode(const Bytes& bytes, std::size_t from, const std::string& field) const {
    const auto found = fields_.find(field);
    CAPTURE(field);
    REQUIRE(found != fields_.end());
    const auto [at, size] = found->second;
    REQUIRE(from + at + size <= bytes.size());
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;)
      value = value << 8 | std::to_integer<std::uint64_t>(bytes[from + at + i]);
    return value;
  }
  std::size_t number(const std::string& name) const {
    CAPTURE(name);
    REQUIRE(numbers_.contains(name));
    return numbers_.at(name);
  }

 private:
  std::map<std::string, Field> fields_;
  std::map<std::string, std::size_t> numbers_;
};

}  // namespace

TEST_CASE("frames are on the wire as docs/wire/argo-bus.md says") {
  const Document document;
  WithRawPeer one;
  one.peer->listen();
  one.idle();

  auto got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/HELLO"));
  CHECK(got->bytes.size() == 16 + 32);
  const auto epoch = static_cast<std::uint32_t>(document.decode(got->bytes, 0, "Frame header/from"));
  CHECK(epoch == one.link().epoch().own);
  CHECK(document.decode(got->bytes, 0, "Frame header/to") == 0);
  CHECK(document.decode(got->bytes, 16, "HELLO/version") == 1);
  CHECK(document.decode(got->bytes, 16, "HELLO/channel_window") == 8192);
  CHECK(document.decode(got->bytes, 16, "HELLO/channel_mtu") == 1024);
  CHECK(document.decode(got->bytes, 16, "HELLO/data_window") == (64u << 10) - 64);
  CHECK(document.decode(got->bytes, 16, "HELLO/data_mtu") == 16u << 10);

  while (one.peer->take()) {
  }
  REQUIRE(one.peer->hello(77, epoch).ok());
  one.idle(milliseconds(3));
  got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/HELLO"));
  CHECK(document.decode(got->bytes, 0, "Frame header/to") == 77);
  REQUIRE(one.link().state() == LinkState::kUp);

  const auto header = FrameHeader{77, epoch, 0, 0};
  REQUIRE(one.peer->frame(FrameKind::kMessage, header, bytes_of("twelve bytes")).ok());
  REQUIRE(one.peer->send(RingKind::kData, 77, Bytes(100)).ok());
  CHECK(one.two.receive(Role::kDriver) == bytes_of("twelve bytes"));
  CHECK(one.two.receive_parcel(Role::kDriver) == Bytes(100));
  REQUIRE(one.two.send(Role::kDriver, bytes_of("hello")).ok());
  got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/MESSAGE"));
  CHECK(document.decode(got->bytes, 0, "Frame header/from") == epoch);
  CHECK(document.decode(got->bytes, 0, "Frame header/to") == 77);
  CHECK(document.decode(got->bytes, 0, "Frame header/channel_freed") == 16 + 16 + 16);
  CHECK(document.decode(got->bytes, 0, "Frame header/data_freed") == 16 + 112);
  CHECK(Bytes(got->bytes.begin() + 16, got->bytes.end()) == bytes_of("hello"));

  one.link().bell().ring(Mark(3));
  got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/MARKS"));
  CHECK(document.decode(got->bytes, 16, "MARKS/marks") == 8);

  one.idle(milliseconds(120));
  got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/BEAT"));
  CHECK(got->bytes.size() == 16);

  // Nearly a window of messages, so that freeing one is worth a frame of its own.
  for (int i = 0; i < 7; ++i) REQUIRE(one.peer->frame(FrameKind::kMessage, header, Bytes(1024)).ok());
  REQUIRE(one.two.receive(Role::kDriver).has_value());
  got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/CREDIT"));
  CHECK(document.decode(got->bytes, 0, "Frame header/channel_freed") == 48 + 1056);

  REQUIRE(one.two.send_parcel(Role::kDriver, bytes_of("a parcel")).ok());
  got = one.peer->take(RingKind::kData);
  REQUIRE(got.has_value());
  CHECK(got->type == epoch);
  CHECK(got->bytes == bytes_of("a parcel"));

  one.link().leave();
  got = one.peer->take();
  REQUIRE(got.has_value());
  CHECK(got->type == document.number("Kinds of frames/BYE"));
}

TEST_CASE("ports are those of docs/wire/argo-bus.md") {
  const Document document;
  CHECK(port_of(0, Role::kDevice, RingKind::kControl) == document.number("Ports/device-control"));
  CHECK(port_of(0, Role::kDevice, RingKind::kData) == document.number("Ports/device-data"));
  CHECK(port_of(0, Role::kDriver, RingKind::kControl) == document.number("Ports/driver-control"));
  CHECK(port_of(0, Role::kDriver, RingKind::kData) == document.number("Ports/driver-data"));
  CHECK(port_of(5, Role::kDevice, RingKind::kControl) == document.number("Ports/device-control") + 20);
}

}  // namespace hawser::argo
