// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The kernel module's end of a link over Argo in the shape of the core's, so that what tests the one tests the other:
// alone, or with the core's as its peer.
#pragma once

#include "kernel_link.h"

#include <hawser/argo/link.hpp>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

namespace hawser::test {

/// What a link over Argo can do.
class ArgoEnd {
 public:
  virtual ~ArgoEnd() = default;
  virtual LinkEvent poll() = 0;
  virtual LinkState state() const = 0;
  virtual Epoch epoch() const = 0;
  virtual const char* broken_reason() const = 0;
  virtual BrokenBy broken_by() const = 0;
  virtual bool holds_end() const = 0;
  virtual void reset() = 0;
  virtual void leave() = 0;
  virtual LinkCounters counters() const = 0;
  virtual argo::ArgoCounters argo_counters() const = 0;
  using Parts = std::span<const std::span<const std::byte>>;
  virtual std::size_t channel_mtu() const = 0;
  virtual Result<void, SendError> send(Parts parts) = 0;
  virtual Result<std::size_t, ReceiveError> receive(std::span<std::byte> to) = 0;
  virtual std::size_t parcel_mtu() const = 0;
  virtual Result<void, SendError> send_parcel(Parts parts) = 0;
  virtual Result<Parcel, ReceiveError> receive_parcel() = 0;
  virtual void release(std::uint32_t number) = 0;
  virtual void ring() = 0;
  virtual void ring(Mark mark) = 0;
  virtual Marks take() = 0;
  virtual Wake wait(Instant until) = 0;
};

template <argo::Port P>
class CoreEnd final : public ArgoEnd {
 public:
  CoreEnd(P& port, std::span<std::byte> memory, const argo::LinkOptions& options)
      : link_(port, memory, options) {}
  LinkEvent poll() override { return link_.poll(); }
  LinkState state() const override { return link_.state(); }
  Epoch epoch() const override { return link_.epoch(); }
  const char* broken_reason() const override { return link_.broken_reason(); }
  BrokenBy broken_by() const override { return link_.broken_by(); }
  bool holds_end() const override { return link_.holds_end(); }
  void reset() override { link_.reset(); }
  void leave() override { link_.leave(); }
  LinkCounters counters() const override { return link_.counters(); }
  argo::ArgoCounters argo_counters() const override { return link_.argo_counters(); }
  std::size_t channel_mtu() const override { return const_cast<CoreEnd*>(this)->link_.channel().mtu(); }
  Result<void, SendError> send(Parts parts) override { return link_.channel().try_send(parts); }
  Result<std::size_t, ReceiveError> receive(std::span<std::byte> to) override {
    return link_.channel().try_receive(to);
  }
  std::size_t parcel_mtu() const override { return const_cast<CoreEnd*>(this)->link_.parcels().mtu(); }
  Result<void, SendError> send_parcel(Parts parts) override { return link_.parcels().try_send(parts); }
  Result<Parcel, ReceiveError> receive_parcel() override { return link_.parcels().try_receive(); }
  void release(std::uint32_t number) override { link_.parcels().release(number); }
  void ring() override { link_.bell().ring(); }
  void ring(Mark mark) override { link_.bell().ring(mark); }
  Marks take() override { return link_.bell().take(); }
  Wake wait(Instant until) override { return link_.bell().wait(until); }

 private:
  argo::Link<P> link_;
};

template <argo::Port P>
class KernelEnd final : public ArgoEnd {
 public:
  KernelEnd(P& port, std::span<std::byte> memory, const argo::LinkOptions& options) : port_(port) {
    const kernel_port calls{
        this,
        [](void* self, std::uint32_t op, void* arg1, void* arg2, std::uint32_t arg3, std::uint32_t arg4) {
          return static_cast<KernelEnd*>(self)->hypercall(static_cast<argo::Command>(op), arg1, arg2, arg3,
                                                          arg4);
        },
        [](void* self, const void* at) {
          return static_cast<KernelEnd*>(self)->port_.frame(static_cast<const std::byte*>(at));
        },
        // Time passes between any two looks at the clock.
        [](void* self) {
          auto* const end = static_cast<KernelEnd*>(self);
          return end->port_.now().ns + ++end->looks_;
        }};
    const kernel_link_options o{options.role == argo::Role::kDriver,
                                options.peer,
                                options.number,
                                options.control_bytes,
                                options.data_bytes,
                                options.max_parcel,
                                options.silence.ns,
                                static_cast<std::uint32_t>(Random(port.now().ns ^ options.noise).next())};
    std::size_t used = 0;
    link_.reset(kernel_link_new(&calls, &o, memory.data(), memory.size(), &used, &unfit_));
    if (link_) staging_ = memory.subspan(used);
  }
  ~KernelEnd() override {
    if (link_) leave();
  }

  LinkEvent poll() override {
    rang_ = false;
    switch (kernel_link_poll(link_.get())) {
      case KERNEL_WENT_UP:
        return LinkEvent::kWentUp;
      case KERNEL_WENT_DOWN:
        held_.clear();
        return LinkEvent::kWentDown;
      case KERNEL_BROKE:
        held_.clear();
        return LinkEvent::kBroke;
      default:
        return LinkEvent::kNothing;
    }
  }
  LinkState state() const override { return static_cast<LinkState>(kernel_link_state(link_.get())); }
  Epoch epoch() const override { return {kernel_link_own(link_.get()), kernel_link_seen(link_.get())}; }
  const char* broken_reason() const override {
    bool by_peer = false;
    const char* const why = kernel_link_fault(link_.get(), &by_peer);
    return state() == LinkState::kBroken ? why : "";
  }
  BrokenBy broken_by() const override {
    bool by_peer = false;
    (void)kernel_link_fault(link_.get(), &by_peer);
    if (state() != LinkState::kBroken) return BrokenBy::kNothing;
    return by_peer ? BrokenBy::kPeer : BrokenBy::kCarrier;
  }
  bool holds_end() const override { return kernel_link_session(link_.get()); }
  void reset() override { kernel_link_reset(link_.get()); }
  void leave() override { (void)kernel_link_leave(link_.get()); }
  LinkCounters counters() const override { return counters_; }
  argo::ArgoCounters argo_counters() const override { return calls_; }

  std::size_t channel_mtu() const override { return kernel_link_channel_mtu(link_.get()); }
  Result<void, SendError> send(Parts parts) override {
    look();
    std::vector<std::byte> message;
    for (const auto part : parts) message.insert(message.end(), part.begin(), part.end());
    const int sent = kernel_link_send(link_.get(), message.data(), message.size());
    if (sent == 0) {
      ++counters_.messages_sent;
      rang_ = true;
    }
    return result(sent);
  }
  Result<std::size_t, ReceiveError> receive(std::span<std::byte> to) override {
    look();
    const int got = kernel_link_receive(link_.get(), to.data(), to.size());
    if (got == -11) return Err{ReceiveError::kEmpty};
    if (got == -90) return Err{ReceiveError::kTooSmall};
    if (got < 0) return Err{ReceiveError::kDown};
    ++counters_.messages_received;
    return static_cast<std::size_t>(got);
  }

  std::size_t parcel_mtu() const override { return kernel_link_data_mtu(link_.get()); }
  Result<void, SendError> send_parcel(Parts parts) override {
    look();
    // As the kernel would have it: where the hypervisor can read it.
    std::size_t bytes = 0;
    std::array<kernel_part, argo::XEN_ARGO_MAXIOV> out;
    unsigned count = 0;
    for (const auto part : parts) {
      if (part.empty()) continue;
      if (count == out.size() || part.size() > staging_.size() - bytes) return Err{SendError::kTooBig};
      const auto copy = staging_.subspan(bytes, part.size());
      std::memcpy(copy.data(), part.data(), part.size());
      out[count++] = {copy.data(), static_cast<std::uint32_t>(part.size())};
      bytes += part.size();
    }
    const int sent = kernel_link_send_parcel(link_.get(), out.data(), count);
    if (sent == 0) rang_ = true;
    return result(sent);
  }
  Result<Parcel, ReceiveError> receive_parcel() override {
    look();
    if (state() != LinkState::kUp) return Err{ReceiveError::kDown};
    kernel_part parts[2];
    if (kernel_link_receive_parcel(link_.get(), parts) == 0) {
      bool by_peer = false;
      return Err{kernel_link_fault(link_.get(), &by_peer) != nullptr ? ReceiveError::kDown
                                                                     : ReceiveError::kEmpty};
    }
    auto& copy = held_[++number_];
    for (const auto& part : parts) {
      const auto* const at = static_cast<const std::byte*>(part.at);
      copy.insert(copy.end(), at, at + part.bytes);
    }
    kernel_link_release_parcel(link_.get());
    return Parcel{.parts = {std::span<const std::byte>(copy), {}}, .number = number_};
  }
  void release(std::uint32_t number) override { held_.erase(number); }

  void ring() override {
    ++counters_.rings_asked;
    if (state() != LinkState::kUp || std::exchange(rang_, false)) return;
    mark(0);
  }
  void ring(Mark which) override {
    ++counters_.rings_asked;
    mark(which.bit());
  }
  Marks take() override {
    look();
    return kernel_link_take_marks(link_.get());
  }
  Wake wait(Instant until) override {
    rang_ = false;
    kernel_link_settle(link_.get());
    const Wake wake = port_.wait(until);
    if (wake == Wake::kRung) ++counters_.wakes;
    return wake;
  }

 private:
  struct Free {
    void operator()(kernel_link* link) const { kernel_link_free(link); }
  };

  void look() {
    if (state() == LinkState::kUp) (void)kernel_link_look(link_.get());
  }
  void mark(Marks marks) {
    const auto before = calls_.sends;
    kernel_link_mark(link_.get(), marks);
    if (calls_.sends != before) ++counters_.doorbells;
  }
  std::int64_t hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                         std::uint32_t arg4) {
    const std::int64_t raw = port_.hypercall(command, arg1, arg2, arg3, arg4);
    if (command == argo::Command::kSendv) {
      ++calls_.sends;
      if (const auto error = argo::result_of(raw); error == -11 || error == -12 || error == -16)
        ++calls_.no_room;
    }
    return raw;
  }
  static Result<void, SendError> result(int sent) {
    switch (sent) {
      case 0:
        return {};
      case -11:
        return Err{SendError::kFull};
      case -90:
        return Err{SendError::kTooBig};
      case -107:
        return Err{SendError::kDown};
      default:
        return Err{SendError::kRefused};
    }
  }

  P& port_;
  std::unique_ptr<kernel_link, Free> link_;
  const char* unfit_ = nullptr;
  std::span<std::byte> staging_;
  std::map<std::uint32_t, std::vector<std::byte>> held_;
  std::uint32_t number_ = 0;
  std::uint64_t looks_ = 0;
  bool rang_ = false;
  LinkCounters counters_;
  argo::ArgoCounters calls_;
};

enum class Ends : std::uint8_t {
  kKernels,       ///< Both are the kernel's.
  kKernelDrives,  ///< The kernel's has the driver end, the core's the device end.
};

/// Takes the place of argo::Link in tests.
template <argo::Port P, Ends kEnds>
class AnyArgoLink {
 public:
  using MemoryType = RegionMemory;
  using Parts = ArgoEnd::Parts;

  class BellType {
   public:
    explicit BellType(AnyArgoLink& link) : link_(link) {}
    void ring() { link_.end_->ring(); }
    void ring(Mark mark) { link_.end_->ring(mark); }
    Marks take() { return link_.end_->take(); }
    void arm() {}
    void disarm() {}
    Wake wait(Instant until) { return link_.end_->wait(until); }

   private:
    AnyArgoLink& link_;
  };
  class ChannelType {
   public:
    explicit ChannelType(AnyArgoLink& link) : link_(link) {}
    std::size_t mtu() const { return link_.end_->channel_mtu(); }
    Result<void, SendError> try_send(Parts parts) { return link_.end_->send(parts); }
    Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) { return link_.end_->receive(to); }

   private:
    AnyArgoLink& link_;
  };
  class ParcelChannelType {
   public:
    static constexpr std::size_t kMaxParts = argo::XEN_ARGO_MAXIOV;
    explicit ParcelChannelType(AnyArgoLink& link) : link_(link) {}
    std::size_t mtu() const { return link_.end_->parcel_mtu(); }
    Result<void, SendError> try_send(Parts parts) { return link_.end_->send_parcel(parts); }
    Result<Parcel, ReceiveError> try_receive() { return link_.end_->receive_parcel(); }
    void release(std::uint32_t number) { link_.end_->release(number); }

   private:
    AnyArgoLink& link_;
  };

  AnyArgoLink(P& port, std::span<std::byte> memory, const argo::LinkOptions& options)
      : port_(port), bell_(*this), channel_(*this), parcels_(*this) {
    if (kEnds == Ends::kKernels || options.role == argo::Role::kDriver)
      end_ = std::make_unique<KernelEnd<P>>(port, memory, options);
    else
      end_ = std::make_unique<CoreEnd<P>>(port, memory, options);
  }

  LinkEvent poll() { return end_->poll(); }
  LinkState state() const { return end_->state(); }
  Epoch epoch() const { return end_->epoch(); }
  Visibility visibility() const { return Visibility::kCopied; }
  const char* broken_reason() const { return end_->broken_reason(); }
  BrokenBy broken_by() const { return end_->broken_by(); }
  bool holds_end() const { return end_->holds_end(); }
  void reset() { end_->reset(); }
  void leave() { end_->leave(); }
  RegionMemory region() const { return {}; }
  Instant now() const { return port_.now(); }
  LinkCounters counters() const { return end_->counters(); }
  argo::ArgoCounters argo_counters() const { return end_->argo_counters(); }
  BellType& bell() { return bell_; }
  ChannelType& channel() { return channel_; }
  ParcelChannelType& parcels() { return parcels_; }

 private:
  P& port_;
  std::unique_ptr<ArgoEnd> end_;
  BellType bell_;
  ChannelType channel_;
  ParcelChannelType parcels_;
};

}  // namespace hawser::test
