// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device side's process: serves a file until it is killed.
#include "mortal_port.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/link_watch.hpp>
#include <hawser/app/serve.hpp>
#include <hawser/process/block_file.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace hawser::test {
namespace {

using virtio::device::BlkAction;
using virtio::device::BlkFinished;
using virtio::device::BlkOperation;
using virtio::device::BlkProgress;

/// A file each of whose operations is some steps. One that lies says "done" to a write, and does it with the next one.
class MortalFile {
 public:
  explicit MortalFile(const PartyWords& words)
      : lying_(words.lying), late_(::open(words.disk.c_str(), O_WRONLY | O_CLOEXEC)), file_(words.disk, {}) {}

  int wake_fd() const { return file_.wake_fd(); }
  std::uint64_t capacity() const { return file_.capacity(); }
  bool read_only() const { return false; }
  bool can_unmap() const { return false; }

  template <Memory M>
  BlkProgress submit(const BlkOperation<M>& operation) {
    ThisLife::fate.step(app::Step::kData);
    catch_up();
    if (lying_ && operation.action == BlkAction::kWrite) {
      owed_.resize(operation.bytes);
      owed_at_ = operation.position();
      return operation.data().read(owed_).ok() ? BlkProgress::kDone : BlkProgress::kFailed;
    }
    const auto progress = file_.submit(operation);
    ThisLife::fate.step(app::Step::kData);
    return progress;
  }
  void go() {
    file_.go();
    ThisLife::fate.step(app::Step::kData);
  }
  std::optional<BlkFinished> poll() {
    const auto finished = file_.poll();
    if (finished) ThisLife::fate.step(app::Step::kData);
    return finished;
  }
  void drain() {
    file_.drain();
    catch_up();
  }

 private:
  void catch_up() {
    const auto owed = std::exchange(owed_, {});
    if (!owed.empty()) (void)::pwrite(late_.get(), owed.data(), owed.size(), static_cast<off_t>(owed_at_));
  }

  const bool lying_;
  process::OwnedFd late_;
  process::BlockFile file_;
  std::vector<std::byte> owed_;
  std::uint64_t owed_at_ = 0;
};

static_assert(virtio::device::BlkBackend<MortalFile, RegionMemory>);

}  // namespace

int run_device(const PartyWords& words) {
  const SharedPage page(words.page);
  ThisLife::begin(words, page->device);
  MortalPort port(words, argo::Role::kDevice);
  using Ends = app::ArgoDeviceEnd<MortalPort>;
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(port.memory().size()));
  const auto ends = std::make_unique<Ends>(port, link_options(words, argo::Role::kDevice), bitmap);
  MortalFile file(words);
  const auto room = std::make_unique<virtio::device::BlkRoom<RegionMemory>>();
  virtio::device::Blk<RegionMemory, MortalFile> blk(*room, file);
  virtio::msg::DeviceBus<Ends::End> bus(ends->end);
  if (!bus.add(virtio::msg::DeviceRef<RegionMemory>(blk)).ok()) return 2;
  if (file.wake_fd() >= 0) port.window().socket().watch(file.wake_fd(), 0);
  app::LinkWatch watch(ends->end);
  while (app::serve_turn(bus, microseconds(20)) != Wake::kCancelled) {
    ThisLife::record();
    if (const auto news = watch.look(bus.up());
        news == app::LinkNews::kBroken || news == app::LinkNews::kNotForUs) {
      // Nobody here lies over the link.
      std::string_view(watch.reason()).copy(page->verdict, sizeof page->verdict - 1);
      return 3;
    }
  }
  return 0;
}

}  // namespace hawser::test
