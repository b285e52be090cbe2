// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/link_address.hpp>

#include "broker_words.hpp"
#include "vfio_function.hpp"
#include "words.hpp"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace hawser::process {

namespace {

struct Form {
  std::string_view prefix;
  Carrier carrier;
  std::string_view example;
  std::string_view lacks;
};
constexpr Form kForms[] = {
    {"ivshmem:", Carrier::kIvshmem, "ivshmem:SOCKET", "names no socket"},
    {"argo:", Carrier::kArgo, "argo:SOCKET,peer=DOMAIN", "names no socket"},
    {"xen:", Carrier::kXen, "xen:/dev/hawser_argo,peer=DOMAIN", "names no device"},
    {"guest:", Carrier::kGuest, "guest:/dev/hawser0", "names no device"},
    {"vfio:", Carrier::kVfio, "vfio:0000:00:04.0", "names no PCI function"},
};

const Form& form_of(std::string_view text) {
  for (const auto& form : kForms)
    if (text.starts_with(form.prefix)) return form;
  throw std::invalid_argument(fmt::format(
      "'{}' is not a link; write {}, {}, in a Linux guest {} or {}, or in a Linux domain of Xen {}", text,
      kForms[0].example, kForms[1].example, kForms[3].example, kForms[4].example, kForms[2].example));
}

}  // namespace

LinkAddress parse_link(std::string_view text) {
  const Form& form = form_of(text);
  const bool argo = form.carrier == Carrier::kArgo || form.carrier == Carrier::kXen;
  const bool window = form.carrier == Carrier::kGuest || form.carrier == Carrier::kVfio;
  const bool device = window || form.carrier == Carrier::kXen;
  const Words words(text.substr(form.prefix.size()));
  LinkAddress address{.carrier = form.carrier, .socket = std::string(words.first())};
  if (address.socket.empty())
    throw std::invalid_argument(fmt::format("the link {}; write {}", form.lacks, form.example));
  if (form.carrier == Carrier::kVfio) {
    auto function = pci_address(address.socket);
    if (!function)
      throw std::invalid_argument(
          fmt::format("'{}' is not the address of a PCI function; write {}", address.socket, form.example));
    address.socket = std::move(*function);
  }
  constexpr std::size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (!device && address.socket.size() > kMost) {
    throw std::invalid_argument(fmt::format(
        "the link names a socket with a path of {} bytes; Linux allows {}", address.socket.size(), kMost));
  }
  words.once();
  bool peer = false;
  for (const auto& word : words.rest()) {
    if (word.key == "link") {
      address.number = static_cast<std::uint32_t>(word.number(0, 4095));
    } else if (word.key == "placement") {
      const auto wanted =
          virtio::wanted_placement(word.string(), argo ? Visibility::kCopied : Visibility::kShared);
      if (wanted.refused != nullptr)
        throw std::invalid_argument(fmt::format("'{}': {}", word.text, wanted.refused));
      address.placement = wanted.placement;
    } else if (argo && word.key == "peer") {
      address.peer = static_cast<std::uint16_t>(word.number(0, 0x7fef));
      peer = true;
    } else if (argo) {
      throw std::invalid_argument(fmt::format(
          "'{}' is not an option of a link over Argo; it may have peer=DOMAIN, link=N and placement=WORD",
          word.text));
    } else if (word.key == "links") {
      address.links = static_cast<std::uint32_t>(word.number(1, 4096));
    } else if (form.carrier == Carrier::kIvshmem && word.key == "unsealed" && !word.value) {
      address.unsealed = true;
    } else {
      throw std::invalid_argument(
          fmt::format("'{}' is not an option of a link{}", word.text,
                      window ? " in a guest; it may have link=N, links=N and placement=WORD"
                             : "; it may have link=N, links=N, placement=WORD and unsealed"));
    }
  }
  if (argo && !peer) {
    throw std::invalid_argument("the link does not say whose domain is the other side; add peer=DOMAIN");
  }
  return address;
}

std::string describe(const LinkAddress& address) {
  const auto carrier = [&] {
    switch (address.carrier) {
      case Carrier::kIvshmem:
        return "ivshmem";
      case Carrier::kArgo:
        return "argo";
      case Carrier::kXen:
        return "xen";
      case Carrier::kGuest:
        return "guest";
      case Carrier::kVfio:
        return "vfio";
    }
    return "?";
  }();
  std::string words = fmt::format("{}:{}", carrier, address.socket);
  if (address.carrier == Carrier::kArgo || address.carrier == Carrier::kXen)
    words += fmt::format(",peer={}", address.peer);
  if (address.number != 0) words += fmt::format(",link={}", address.number);
  if (address.placement) words += fmt::format(",placement={}", virtio::describe(*address.placement));
  return words;
}

ivshmem::ClientOptions client_options(const LinkAddress& address) {
  ivshmem::ClientOptions options;
  options.socket = address.socket;
  if (address.carrier == Carrier::kArgo) {
    options.words = broker_words(address.socket);
  } else {
    options.words.start = fmt::format("hawser ivshmem-server --socket {}", address.socket);
  }
  options.patience = address.patience;
  options.wait_for_server = true;
  options.allow_unsealed = address.unsealed;
  return options;
}

std::string host_name() {
  std::array<char, 65> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace hawser::process
