// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kinds.hpp"

#include <hawser/process/slirp.hpp>
#include <hawser/process/tap.hpp>

#include <hawser/app/net_echo.hpp>
#include <hawser/virtio/device/net.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace hawser::process {
namespace {

constexpr std::uint16_t kMaxPairs = 4;
/// Linux receives 64 KiB in up to 43 buffers: several such frames fit even where a request takes two descriptors.
constexpr std::uint16_t kQueueSize = 512;

struct NetChoice {
  virtio::device::NetConfig config;
  bool echo = false;
  bool user = false;
  std::optional<std::string> tap;
  SlirpOptions slirp;
};

/// `Backend` is made from `Args`, and knows its wake_fd() unless it is the echo.
template <class Backend>
class ServedNet final : public Served {
 public:
  template <class... Args>
  ServedNet(const virtio::device::NetConfig& config, std::string text, const Args&... args)
      : text_(std::move(text)), backend_(args...), net_(backend_, config) {}
  DeviceRef model() override { return DeviceRef(net_); }
  std::string describe() const override { return text_; }
  std::vector<int> wake_fds() const override {
    if constexpr (requires { backend_.wake_fd(); }) return {backend_.wake_fd()};
    return {};
  }

 private:
  std::string text_;
  Backend backend_;
  virtio::device::Net<RegionMemory, Backend, kMaxPairs, kQueueSize> net_;
};

[[noreturn]] void wrong(const Word& word, std::string_view expected) {
  throw std::invalid_argument(fmt::format("'{}': {} must be {}", word.text, word.key, expected));
}

virtio::Mac parse_mac(const Word& word) {
  virtio::Mac mac{};
  const std::string& text = word.string();
  bool good = text.size() == 3 * mac.size() - 1;
  for (std::size_t n = 0; good && n < mac.size(); ++n) {
    const char* const at = text.data() + 3 * n;
    const auto [end, error] = std::from_chars(at, at + 2, mac[n], 16);
    good = error == std::errc() && end == at + 2 && (n + 1 == mac.size() || *end == ':');
  }
  if (!good) wrong(word, "an address like 02:00:00:00:00:01");
  if ((mac[0] & 1) != 0) wrong(word, "the address of one station: its first byte is even");
  return mac;
}

/// PORT:DRIVERPORT, with tcp: or udp: in front.
SlirpForward parse_forward(const Word& word) {
  SlirpForward forward;
  std::string_view text = word.string();
  if (text.starts_with("udp:")) forward.udp = true;
  if (text.starts_with("udp:") || text.starts_with("tcp:")) text.remove_prefix(4);
  const auto port = [&](std::string_view digits) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number == 0)
      wrong(word, "two ports from 1 to 65535, as in tcp:8080:80");
    return number;
  };
  const std::size_t colon = std::min(text.find(':'), text.size());
  forward.host_port = port(text.substr(0, colon));
  forward.guest_port = port(text.substr(std::min(colon + 1, text.size())));
  return forward;
}

/// Locally administered, the same at each start, different on each machine and interface.
virtio::Mac own_mac(std::string_view network, unsigned place) {
  std::array<char, 65> host{};
  if (network != "echo") (void)::gethostname(host.data(), host.size() - 1);
  std::uint64_t sum = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : fmt::format("{}/{}/{}", host.data(), network, place))
    sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return {0x02,
          0x48,
          0x57,
          static_cast<std::uint8_t>(sum >> 16),
          static_cast<std::uint8_t>(sum >> 8),
          static_cast<std::uint8_t>(sum)};
}

std::unique_ptr<Served> make_tap(const NetChoice& choice, const Say& say) try {
  return std::make_unique<ServedNet<Tap>>(
      choice.config, fmt::format("network, TAP interface {}", *choice.tap),
      TapOptions{.name = *choice.tap, .queues = choice.config.pairs, .log = say});
} catch (const std::system_error& error) {
  std::string_view help;
  if (error.code() == std::errc::no_such_file_or_directory || error.code() == std::errc::no_such_device)
    help = "; this kernel has no TAP now: load its module tun, or serve net,user";
  else if (error.code() == std::errc::operation_not_permitted || error.code() == std::errc::permission_denied)
    help = "; let root make the interface for you (ip tuntap add mode tap user YOU), or serve net,user";
  else if (error.code() == std::errc::device_or_resource_busy)
    help = "; another process has it";
  else if (error.code() == std::errc::invalid_argument)
    help = "; an interface of another kind, or of another number of queues, has that name";
  throw std::runtime_error(fmt::format("{}{}", error.what(), help));
}

}  // namespace

MakeServed parse_net(const Words& words, unsigned place) {
  NetChoice choice;
  std::optional<virtio::Mac> mac;
  bool queues = false;
  std::string_view for_user;  // the first word that only a user network knows
  words.once({"forward"});
  for (const Word& word : words.rest()) {
    if (word.text == "echo") {
      choice.echo = true;
    } else if (word.text == "user") {
      choice.user = true;
    } else if (word.key == "tap") {
      choice.tap = word.string();
    } else if (word.key == "mac") {
      mac = parse_mac(word);
    } else if (word.key == "mtu") {
      choice.config.mtu = static_cast<std::uint16_t>(word.number(68, 65535));  // VIRTIO 1.3 §5.1.4.1
    } else if (word.key == "queues") {
      choice.config.pairs = static_cast<std::uint16_t>(word.number(1, kMaxPairs));
      queues = true;
    } else if (word.text == "restricted") {
      choice.slirp.restricted = true;
      for_user = word.text;
    } else if (word.key == "forward") {
      choice.slirp.forwards.push_back(parse_forward(word));
      for_user = word.key;
    } else {
      unknown_word("net", word);
    }
  }
  if (choice.echo + choice.user + choice.tap.has_value() != 1) {
    throw std::invalid_argument("the device net needs to know its network: one of tap=NAME, user and echo");
  }
  if (queues && !choice.tap) throw std::invalid_argument("the device net: queues=N needs tap=NAME");
  if (!for_user.empty() && !choice.user)
    throw std::invalid_argument(fmt::format("the device net: {} is an option of user", for_user));
  choice.config.mac = mac.value_or(own_mac(choice.echo ? "echo" : choice.tap.value_or("user"), place));
  return [choice](const Say& say) -> std::unique_ptr<Served> {
    if (choice.tap) return make_tap(choice, say);
    if (choice.user)
      return std::make_unique<ServedNet<UserNetwork>>(choice.config, "network, user mode", choice.slirp);
    return std::make_unique<ServedNet<app::NetEcho>>(choice.config, "network, echo", choice.config.mtu);
  };
}

}  // namespace hawser::process
