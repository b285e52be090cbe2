// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Any device model behind a table of functions, so that one bus holds several kinds. The model outlives the reference.
#pragma once

#include <hawser/virtio/device/model.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::virtio::msg {

template <Memory M>
class DeviceRef {
 public:
  using Queue = AnyDeviceQueue<M>;

  template <class D>
  requires(!std::same_as<D, DeviceRef> && DeviceModel<D, M>) explicit DeviceRef(D& model)
      : model_(&model), calls_(&kCalls<D>) {}

  std::uint32_t device_id() const { return calls_->device_id; }
  Features offered() const { return calls_->offered(model_); }
  bool acceptable(const Features& negotiated) const { return calls_->acceptable(model_, negotiated); }
  std::uint16_t queue_count() const { return calls_->queue_count(model_); }
  std::uint16_t queue_max_size(std::uint16_t queue) const { return calls_->queue_max_size(model_, queue); }
  std::uint32_t config_size() const { return calls_->config_size(model_); }
  void read_config(std::uint32_t at, std::span<std::byte> out) const { calls_->read_config(model_, at, out); }
  bool write_config(std::uint32_t at, std::span<const std::byte> in) {
    return calls_->write_config(model_, at, in);
  }
  bool take_config_change() { return calls_->take_config_change(model_); }
  void start(const Features& negotiated) { calls_->start(model_, negotiated); }
  void attach(std::uint16_t queue, Queue&& made) { calls_->attach(model_, queue, std::move(made)); }
  void detach(std::uint16_t queue) { calls_->detach(model_, queue); }
  Work service(std::uint16_t queue) { return calls_->service(model_, queue); }
  bool prepare_to_wait(std::uint16_t queue) { return calls_->prepare_to_wait(model_, queue); }
  bool needs_reset() const { return calls_->needs_reset(model_); }
  void stop() { calls_->stop(model_); }

 private:
  struct Calls {
    std::uint32_t device_id;
    Features (*offered)(const void*);
    bool (*acceptable)(const void*, const Features&);
    std::uint16_t (*queue_count)(const void*);
    std::uint16_t (*queue_max_size)(const void*, std::uint16_t);
    std::uint32_t (*config_size)(const void*);
    void (*read_config)(const void*, std::uint32_t, std::span<std::byte>);
    bool (*write_config)(void*, std::uint32_t, std::span<const std::byte>);
    bool (*take_config_change)(void*);
    void (*start)(void*, const Features&);
    void (*attach)(void*, std::uint16_t, Queue&&);
    void (*detach)(void*, std::uint16_t);
    Work (*service)(void*, std::uint16_t);
    bool (*prepare_to_wait)(void*, std::uint16_t);
    bool (*needs_reset)(const void*);
    void (*stop)(void*);
  };

  template <class D>
  static D& of(void* model) {
    return *static_cast<D*>(model);
  }
  template <class D>
  static const D& of(const void* model) {
    return *static_cast<const D*>(model);
  }

  template <class D>
  static constexpr Calls kCalls = {
      .device_id = D::kDeviceId,
      .offered = [](const void* m) { return of<D>(m).offered(); },
      .acceptable = [](const void* m, const Features& f) { return of<D>(m).acceptable(f); },
      .queue_count = [](const void* m) { return of<D>(m).queue_count(); },
      .queue_max_size = [](const void* m, std::uint16_t q) { return of<D>(m).queue_max_size(q); },
      .config_size = [](const void* m) { return of<D>(m).config_size(); },
      .read_config = [](const void* m, std::uint32_t at,
                        std::span<std::byte> out) { of<D>(m).read_config(at, out); },
      .write_config = [](void* m, std::uint32_t at,
                         std::span<const std::byte> in) { return of<D>(m).write_config(at, in); },
      .take_config_change = [](void* m) { return of<D>(m).take_config_change(); },
      .start = [](void* m, const Features& f) { of<D>(m).start(f); },
      .attach = [](void* m, std::uint16_t q, Queue&& made) { of<D>(m).attach(q, std::move(made)); },
      .detach = [](void* m, std::uint16_t q) { of<D>(m).detach(q); },
      .service = [](void* m, std::uint16_t q) { return of<D>(m).service(q); },
      .prepare_to_wait = [](void* m, std::uint16_t q) { return of<D>(m).prepare_to_wait(q); },
      .needs_reset = [](const void* m) { return of<D>(m).needs_reset(); },
      .stop = [](void* m) { of<D>(m).stop(); },
  };

  void* model_;
  const Calls* calls_;
};

}  // namespace hawser::virtio::msg
