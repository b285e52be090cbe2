// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both neighbors of hawser.ko in one thread: a driver with queues in ordinary memory, and a peer that answers as it is
// told and serves, or spoils, the rings in the region by hand.
#pragma once

#include <stub/kernel.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
extern "C" {
#include <link.h>
}

#include <hawser/virtio/msg/spec.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace linux_bus {

namespace msg = hawser::virtio::msg;

inline constexpr std::size_t kRegion = 1 << 20;

/// What one device of the peer is and was told.
struct Model {
  std::uint32_t id = 2;
  std::uint64_t features = std::uint64_t{1} << 32 | std::uint64_t{1} << 33 | std::uint64_t{1} << 29;
  std::vector<std::uint8_t> config = std::vector<std::uint8_t>(60, 7);
  std::uint32_t queues = 1;
  std::uint32_t max_size = 16;
  bool v1 = false;

  std::uint32_t status = 0;
  std::uint64_t accepted = 0;
  std::uint32_t generation = 0;
  std::map<std::uint32_t, msg::wire::VqueueSetup> rings;
  std::map<std::uint32_t, std::uint16_t> seen;
};

class Peer {
 public:
  std::map<std::uint16_t, Model> models;
  /// Instead of the honest answer; false: the honest one after all.
  std::function<bool(const msg::wire::Header&, std::string)> instead;
  bool connected = false;
  unsigned rings = 0;
  std::string failed;

  Peer() {
    region_ = static_cast<std::uint8_t*>(std::aligned_alloc(4096, kRegion));
    std::memset(region_, 0x5a, kRegion);
    link_.ops = &kOps;
    link_.dev = &parent_;
    link_.region = region_;
    link_.region_bytes = kRegion;
    link_.mtu = 64;
    link_.marks = true;
    hawser_bus_attach(&link_);
    self_ = this;
  }
  ~Peer() {
    if (link_.bus != nullptr) hawser_bus_detach(&link_);
    std::free(region_);
    self_ = nullptr;
  }

  void come() {
    for (auto& [number, model] : models) {
      model.status = 0;
      model.rings.clear();
      model.seen.clear();
    }
    connected = true;
    hawser_bus_up(&link_, ++epoch_);
    stub_run();
  }
  void die() {
    connected = false;
    hawser_bus_down(&link_);
    stub_run();
  }
  hawser_link* link() { return &link_; }
  std::uint8_t* region() { return region_; }

  void say(std::uint8_t type, std::uint8_t id, std::uint16_t device, std::uint16_t token, const void* payload,
           std::size_t bytes) {
    std::array<std::uint8_t, 600> frame{};
    const msg::wire::Header header{.type = type,
                                   .msg_id = id,
                                   .dev_num = device,
                                   .token = token,
                                   .msg_size = static_cast<std::uint16_t>(sizeof(msg::wire::Header) + bytes)};
    std::memcpy(frame.data(), &header, sizeof(header));
    if (bytes != 0) std::memcpy(frame.data() + sizeof(header), payload, bytes);
    hawser_bus_message(&link_, frame.data(), sizeof(header) + bytes);
  }

  // ---- rings -------------------------------------------------------------------------------------------------

  struct Request {
    std::uint16_t id = 0;
    std::string readable;
    std::uint8_t* writable = nullptr;
    std::uint32_t room = 0;
  };

  template <class T>
  T* at(std::uint64_t offset) {
    return reinterpret_cast<T*>(region_ + offset);
  }

  /// The next request that the module has made available.
  std::optional<Request> take(std::uint16_t device, std::uint32_t queue = 0) {
    Model& model = models[device];
    if (model.rings.count(queue) == 0) return std::nullopt;
    const auto& ring = model.rings[queue];
    auto* avail = at<vring_avail>(ring.driver);
    if (avail->idx == model.seen[queue]) return std::nullopt;
    Request request;
    request.id = avail->ring[model.seen[queue]++ % ring.size];
    for (std::uint16_t n = request.id, steps = 0;; ++steps) {
      if (n >= ring.size || steps > 2) return std::nullopt;  // somebody wrote noise there
      const vring_desc desc = at<vring_desc>(ring.descriptors)[n];
      if (desc.addr > kRegion || desc.len > kRegion - desc.addr) return std::nullopt;
      if ((desc.flags & VRING_DESC_F_WRITE) == 0) {
        request.readable.append(at<char>(desc.addr), desc.len);
      } else {
        request.writable = at<std::uint8_t>(desc.addr);
        request.room = desc.len;
      }
      if ((desc.flags & VRING_DESC_F_NEXT) == 0) break;
      n = desc.next;
    }
    return request;
  }

  void use(std::uint16_t device, std::uint32_t queue, std::uint32_t id, std::uint32_t written,
           std::uint16_t steps = 1) {
    const auto& ring = models[device].rings[queue];
    auto* used = at<vring_used>(ring.device);
    used->ring[used->idx % ring.size] = {id, written};
    used->idx = static_cast<std::uint16_t>(used->idx + steps);
    hawser_bus_rung(&link_, std::uint64_t{1} << hawser_mark_of(device, static_cast<std::uint16_t>(queue)));
    stub_run();
  }

  /// Answers all: writes `with` into what is writable.
  std::vector<std::string> serve(std::uint16_t device, const std::string& with, std::uint32_t queue = 0) {
    std::vector<std::string> got;
    while (auto request = take(device, queue)) {
      got.push_back(request->readable);
      const auto bytes = std::min<std::size_t>(with.size(), request->room);
      if (bytes != 0) std::memcpy(request->writable, with.data(), bytes);
      use(device, queue, request->id, static_cast<std::uint32_t>(bytes));
    }
    return got;
  }

 private:
  static int send(hawser_link*, const void* message, std::size_t bytes) {
    return self_->answer(static_cast<const std::uint8_t*>(message), bytes);
  }
  static void ring(hawser_link*, u16, u16) { ++self_->rings; }
  static void fail(hawser_link*, const char* why) { self_->failed = why; }
  static constexpr hawser_link_ops kOps{send, ring, fail};

  template <class W>
  static W read(const std::string& payload) {
    W out{};
    std::memcpy(&out, payload.data(), std::min(sizeof(W), payload.size()));
    return out;
  }

  int answer(const std::uint8_t* message, std::size_t bytes) {
    if (!connected) return -ENOTCONN;
    msg::wire::Header header;
    std::memcpy(&header, message, sizeof(header));
    const std::string payload(reinterpret_cast<const char*>(message) + sizeof(header),
                              bytes - sizeof(header));
    if (instead && instead(header, payload)) return 0;
    const auto reply = [&](const void* what, std::size_t size) {
      say(header.type | msg::VIRTIO_MSG_TYPE_RESPONSE, header.msg_id, header.dev_num, header.token, what,
          size);
    };
    if ((header.type & msg::VIRTIO_MSG_TYPE_BUS) != 0) {
      if (header.msg_id != msg::VIRTIO_MSG_BUS_GET_DEVICES) return 0;
      struct {
        msg::wire::DeviceList list{};
        std::uint8_t bitmap[8]{};
      } said;
      said.list.count = 64;
      for (auto& [number, model] : models) said.bitmap[number / 8] |= 1u << number % 8;
      reply(&said, 14);
      return 0;
    }
    if (models.count(header.dev_num) == 0) return 0;
    dispatch(models[header.dev_num], header.msg_id, payload, reply);
    return 0;
  }

  template <class Reply>
  void dispatch(Model& model, std::uint8_t id, const std::string& payload, const Reply& reply) {
    using namespace msg;
    if (id == VIRTIO_MSG_GET_DEVICE_INFO && model.v1) {
      wire::DeviceInfoV1 info{};
      info.device_id = model.id;
      info.num_feature_bits = 64;
      info.config_size = static_cast<std::uint32_t>(model.config.size());
      info.max_virtqueues = model.queues;
      reply(&info, sizeof(info));
    } else if (id == VIRTIO_MSG_GET_DEVICE_INFO) {
      wire::DeviceInfo info{};
      info.device_id = model.id;
      info.num_feature_blocks = 2;
      info.config_size = static_cast<std::uint32_t>(model.config.size());
      info.max_virtqueues = model.queues;
      reply(&info, sizeof(info));
    } else if (id == VIRTIO_MSG_GET_DEVICE_FEATURES) {
      struct {
        wire::FeatureBlocks run{};
        hawser::le32 block[2];
      } said;
      said.run.num_blocks = 2;
      said.block[0] = static_cast<std::uint32_t>(model.features);
      said.block[1] = static_cast<std::uint32_t>(model.features >> 32);
      reply(&said, sizeof(said));
    } else if (id == VIRTIO_MSG_SET_DRIVER_FEATURES) {
      std::memcpy(&model.accepted, payload.data() + 8, 8);
      reply(nullptr, 0);
    } else if (id == VIRTIO_MSG_GET_DEVICE_STATUS || id == VIRTIO_MSG_SET_DEVICE_STATUS) {
      if (id == VIRTIO_MSG_SET_DEVICE_STATUS) {
        model.status = read<wire::Status>(payload).status;
        if ((model.accepted & ~model.features) != 0)
          model.status &= ~std::uint32_t{VIRTIO_CONFIG_S_FEATURES_OK};
        if (model.status == 0) {
          model.rings.clear();
          model.seen.clear();
        }
      }
      const wire::Status said{.status = model.status};
      reply(&said, sizeof(said));
    } else if (id == VIRTIO_MSG_GET_CONFIG) {
      const auto range = read<wire::ConfigRange>(payload);
      std::string said(sizeof(wire::ConfigData), '\0');
      const wire::ConfigData head{
          .generation = model.generation, .offset = range.offset, .length = range.length};
      std::memcpy(said.data(), &head, sizeof(head));
      said.append(reinterpret_cast<const char*>(model.config.data()) + range.offset, range.length);
      reply(said.data(), said.size());
    } else if (id == VIRTIO_MSG_SET_CONFIG) {
      const auto head = read<wire::ConfigData>(payload);
      std::memcpy(model.config.data() + head.offset, payload.data() + sizeof(head), head.length);
      reply(payload.data(), payload.size());
    } else if (id == VIRTIO_MSG_GET_VQUEUE) {
      const auto asked = read<wire::VqueueIndex>(payload);
      wire::VqueueState said{};
      said.index = asked.index;
      said.max_size = model.max_size;
      if (model.rings.count(asked.index) != 0) {
        const auto& ring = model.rings[asked.index];
        said.cur_size = ring.size;
        said.flags = VIRTIO_MSG_VQUEUE_ENABLED;
        said.descriptors = ring.descriptors;
        said.driver = ring.driver;
        said.device = ring.device;
      }
      reply(&said, sizeof(said));
    } else if (id == VIRTIO_MSG_SET_VQUEUE) {
      const auto setup = read<wire::VqueueSetup>(payload);
      model.rings[setup.index] = setup;
      reply(nullptr, 0);
    }
  }

  static inline Peer* self_ = nullptr;
  std::uint8_t* region_ = nullptr;
  device parent_{};
  hawser_link link_{};
  std::uint32_t epoch_ = 0;
};

/// A driver of whatever device appears. One at a time.
class Driver {
 public:
  static inline virtio_device* vdev = nullptr;
  static inline std::vector<virtqueue*> queues;
  static inline unsigned wanted = 1;
  static inline unsigned calls = 0;
  static inline unsigned changes = 0;
  static inline bool refused = false;

  Driver() {
    vdev = nullptr;
    queues.clear();
    wanted = 1;
    calls = changes = 0;
    refused = false;
    sent.clear();
    stub_driver = {probe, remove, changed};
    stub_log_lines = 0;
  }
  ~Driver() { stub_driver = {}; }

  static void probe(virtio_device* device) {
    vdev = device;
    const auto* ops = device->config;
    ops->set_status(device, 3);
    device->features = ops->get_features(device);
    ops->finalize_features(device);
    ops->set_status(device, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
    refused = (ops->get_status(device) & VIRTIO_CONFIG_S_FEATURES_OK) == 0;
    if (refused) return;
    queues.assign(wanted, nullptr);
    std::vector<vq_callback_t*> callbacks(wanted, [](virtqueue*) { ++calls; });
    std::vector<const char*> names(wanted, "queue");
    if (ops->find_vqs(device, wanted, queues.data(), callbacks.data(), names.data(), nullptr, nullptr) != 0) {
      queues.clear();
      return;
    }
    state.clear();
    for (auto* queue : queues) state[queue] = {};
    ops->set_status(device, 15);
    stub_run();
  }
  static void remove(virtio_device* device) {
    device->config->reset(device);
    device->config->del_vqs(device);
    queues.clear();
    vdev = nullptr;
  }
  static void changed(virtio_device*) { ++changes; }

  /// Unbinds and binds again, as by sysfs.
  static void rebind() {
    auto* device = vdev;
    remove(device);
    probe(device);
    stub_run();
  }

  struct State {
    std::uint16_t next = 0;
    std::uint16_t used = 0;
  };
  static inline std::map<virtqueue*, State> state;

  static inline std::deque<std::string> sent;

  /// Descriptors are given out in turn; what is writable must outlive the request. Returns the head.
  static std::uint16_t add(unsigned queue, const std::string& text, std::string* writable) {
    const std::string& readable = sent.emplace_back(text);
    auto* vq = queues[queue];
    const vring* ring = virtqueue_get_vring(vq);
    State& mine = state[vq];
    const auto head = static_cast<std::uint16_t>(mine.next % ring->num);
    const bool both = !readable.empty() && writable != nullptr;
    const auto second = static_cast<std::uint16_t>((mine.next + 1) % ring->num);
    if (!readable.empty()) {
      ring->desc[head] = {reinterpret_cast<std::uintptr_t>(readable.data()),
                          static_cast<std::uint32_t>(readable.size()),
                          static_cast<std::uint16_t>(both ? VRING_DESC_F_NEXT : 0), second};
    }
    if (writable != nullptr) {
      ring->desc[both ? second : head] = {reinterpret_cast<std::uintptr_t>(writable->data()),
                                          static_cast<std::uint32_t>(writable->size()), VRING_DESC_F_WRITE,
                                          0};
    }
    mine.next = static_cast<std::uint16_t>(mine.next + 1 + both);
    ring->avail->ring[ring->avail->idx % ring->num] = head;
    ring->avail->idx = static_cast<std::uint16_t>(ring->avail->idx + 1);
    virtqueue_notify(vq);
    stub_run();
    return head;
  }

  /// The next completion: head and bytes written.
  static std::optional<std::pair<std::uint32_t, std::uint32_t>> completion(unsigned queue = 0) {
    auto* vq = queues[queue];
    const vring* ring = virtqueue_get_vring(vq);
    State& mine = state[vq];
    if (ring->used->idx == mine.used) return std::nullopt;
    const auto elem = ring->used->ring[mine.used++ % ring->num];
    vring_used_event(ring) = mine.used;
    return std::pair{elem.id, elem.len};
  }
};

}  // namespace linux_bus
