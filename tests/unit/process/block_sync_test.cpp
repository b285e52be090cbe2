// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A flush of a file-backed disk is a sync of its file (VIRTIO 1.3 §5.2.6.2): the calls that ask the kernel for one are
// replaced by some that count and pass on.
#include "support/direct_transport.hpp"

#include <hawser/process/block_file.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/driver/blk_waiting.hpp>

#include <doctest/doctest.h>

#include <dlfcn.h>
#include <liburing.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

int syncs = 0;
int durable_writes = 0;
unsigned sync_us = 0;  ///< What a sync takes at least.

}  // namespace

/// What ordinary calls use.
extern "C" int fdatasync(int file) {
  ++syncs;
  if (sync_us != 0) ::usleep(sync_us);
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

/// What the ring uses: looks at each entry on its way into the kernel.
extern "C" int io_uring_submit(io_uring* ring) {
  static const auto real = reinterpret_cast<int (*)(io_uring*)>(::dlsym(RTLD_NEXT, "io_uring_submit"));
  for (unsigned at = ring->sq.sqe_head; at != ring->sq.sqe_tail; ++at) {
    const io_uring_sqe& entry = ring->sq.sqes[at & *ring->sq.kring_mask];
    syncs += entry.opcode == IORING_OP_FSYNC ? 1 : 0;
    durable_writes += entry.opcode == IORING_OP_WRITEV && (entry.rw_flags & RWF_DSYNC) != 0 ? 1 : 0;
  }
  return real(ring);
}

using namespace hawser;
using namespace hawser::test;
using process::BlockFile;

namespace {

struct Rig {
  using Model = virtio::device::Blk<RegionMemory, BlockFile>;
  using Transport = DirectTransport<Model>;

  Rig(const std::string& path, bool uring)
      : file(path, {.io_uring = uring, .log = [](std::string_view) {}}), model(*model_room, file) {
    transport.on_idle = [this] {
      pollfd wake{.fd = file.wake_fd(), .events = POLLIN, .revents = 0};
      return wake.fd >= 0 && ::poll(&wake, 1, 2000) == 1;
    };
    REQUIRE(driver.start(transport).ok());
    syncs = durable_writes = 0;
  }
  Instant soon() const { return transport.now() + seconds(10); }

  TestRegion region{std::size_t{8} << 20};
  BlockFile file;
  std::unique_ptr<virtio::device::BlkRoom<RegionMemory>> model_room =
      std::make_unique<virtio::device::BlkRoom<RegionMemory>>();
  Model model;
  Transport transport{region, model};
  std::unique_ptr<virtio::driver::BlkRoom<RegionMemory>> driver_room =
      std::make_unique<virtio::driver::BlkRoom<RegionMemory>>();
  virtio::driver::Blk<Transport> driver{*driver_room};
  virtio::driver::WaitingBlk<Transport> disk{driver};
};

std::string make_disk() {
  std::string path = (std::filesystem::temp_directory_path() / "hawser-sync-XXXXXX").string();
  const int made = ::mkstemp(path.data());
  REQUIRE(made >= 0);
  ::close(made);
  std::filesystem::resize_file(path, 1 << 20);
  return path;
}

void flush_is_a_sync(bool uring) {
  const std::string path = make_disk();
  {
    Rig rig(path, uring);
    std::filesystem::remove(path);
    if (rig.file.uses_io_uring() != uring) {
      MESSAGE("skipped: this machine does not allow io_uring");
      return;
    }
    const std::vector<std::byte> data(4096);
    REQUIRE(rig.disk.write(0, data, rig.soon()).ok());
    CHECK(syncs == 0);
    CHECK(durable_writes == 0);
    REQUIRE(rig.disk.flush(rig.soon()).ok());
    CHECK(syncs == 1);
    REQUIRE(rig.disk.flush(rig.soon()).ok());
    CHECK(syncs == 2);
    REQUIRE(rig.driver.set_write_back(false).ok());
    REQUIRE(rig.disk.write(0, data, rig.soon()).ok());
    CHECK(durable_writes == (uring ? 1 : 0));  // ordinary calls: pwritev2, which nothing here counts
    CHECK(syncs == 2);
  }
}

}  // namespace

TEST_CASE("a flush is one sync of the file, through io_uring") {
  flush_is_a_sync(true);
}

TEST_CASE("a flush is one sync of the file, by ordinary calls") {
  flush_is_a_sync(false);
}

TEST_CASE(
    "a burst of slow ordinary calls is interrupted: what is done is shown, and the link served, meanwhile") {
  const std::string path = make_disk();
  Rig rig(path, false);
  std::filesystem::remove(path);
  sync_us = 12'000;
  for (unsigned n = 0; n < 10; ++n)
    REQUIRE(rig.driver.submit(virtio::driver::BlkRequest::flush(), n != 9).ok());
  const virtio::Work work = rig.model.service(0);
  sync_us = 0;
  CHECK((syncs == 1 || syncs == 2));  // by how long the sync itself takes
  CHECK(work.more);
  CHECK(rig.file.tired() == false);
  rig.driver.poll();
  CHECK(rig.driver.take());
}
