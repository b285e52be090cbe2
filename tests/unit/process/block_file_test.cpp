// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A block device served from a file, with io_uring and without, from an ordinary disk to a full one.
#include "block_job.hpp"
#include "support/direct_transport.hpp"

#include <hawser/process/block_file.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/driver/blk_waiting.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using process::BlockFile;
using virtio::driver::BlkError;
using virtio::driver::BlkRequest;
namespace fs = std::filesystem;

namespace {

using Bytes = std::vector<std::byte>;

Bytes pattern(std::size_t count, unsigned seed) {
  Bytes bytes(count);
  std::minstd_rand random(seed + 1);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() >> 8);
  return bytes;
}

/// A folder that goes away with everything in it.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "hawser-block-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code
        ignored;  // a failure to clean up must not end the program with everything else left behind
    fs::remove_all(path_, ignored);
  }
  fs::path path() const { return path_; }
  std::string file(const char* name, std::size_t bytes) const {
    const fs::path path = path_ / name;
    std::ofstream(path).put('x');
    fs::resize_file(path, bytes);
    return path.string();
  }

 private:
  fs::path path_;
};

/// A small file system of its own, where the test may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& at) : at_(at) {
    fs::create_directory(at);
    mounted_ = ::mount("none", at.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  fs::path at_;
  bool mounted_;
};

Bytes content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Bytes bytes(fs::file_size(path));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

/// The whole stack on one file.
struct FileRig {
  using Model = virtio::device::Blk<RegionMemory, BlockFile>;
  using Transport = DirectTransport<Model>;

  explicit FileRig(const std::string& path, bool uring, bool read_only = false, virtio::Features ring = {})
      : file(path, {.read_only = read_only,
                    .io_uring = uring,
                    .depth = 8,
                    .log = [this](std::string_view line) { lines.emplace_back(line); }}),
        model(*model_room, file, {.size_max = 8192, .max_write_zeroes_sectors = 4096}),
        transport(region, model, ring),
        driver(*driver_room) {
    transport.on_idle = [this] { return wait_for_file(); };
    REQUIRE(driver.start(transport).ok());
  }

  bool wait_for_file() {
    pollfd wake{.fd = file.wake_fd(), .events = POLLIN, .revents = 0};
    return wake.fd >= 0 && ::poll(&wake, 1, 2000) == 1;
  }
  Instant soon() const { return transport.now() + seconds(10); }

  std::vector<std::string> lines;
  TestRegion region{std::size_t{8} << 20};
  BlockFile file;
  std::unique_ptr<virtio::device::BlkRoom<RegionMemory, 1, 16, 30>> model_room =
      std::make_unique<virtio::device::BlkRoom<RegionMemory, 1, 16, 30>>();
  Model model;
  Transport transport;
  std::unique_ptr<virtio::driver::BlkRoom<RegionMemory, 32, 32, 1, 64>> driver_room =
      std::make_unique<virtio::driver::BlkRoom<RegionMemory, 32, 32, 1, 64>>();
  virtio::driver::Blk<Transport> driver;
  virtio::driver::WaitingBlk<Transport> disk{driver};
};

/// Runs the test with io_uring, where this machine has it, and with ordinary calls.
template <class Test>
void both_ways(Test test) {
  SUBCASE("io_uring") {
    Folder folder;
    const BlockFile probe(folder.file("probe", 512), {.log = [](std::string_view) {}});
    if (!probe.uses_io_uring()) {
      MESSAGE("skipped: this machine does not allow io_uring");
      return;
    }
    test(true);
  }
  SUBCASE("ordinary calls") {
    test(false);
  }
}

}  // namespace

TEST_CASE("what is written is in the file and comes back, also after the file was opened again") {
  both_ways([](bool uring) {
    Folder folder;
    const std::string path = folder.file("disk", 1 << 20);
    const Bytes data = pattern(200 * 512, 1);
    {
      FileRig rig(path, uring, false, virtio::kQueueFeatures);
      CHECK(rig.file.uses_io_uring() == uring);
      CHECK(rig.driver.capacity() == 2048);
      REQUIRE(rig.disk.write(5, data, rig.soon()).ok());
      REQUIRE(rig.disk.flush(rig.soon()).ok());
      CHECK(rig.lines.empty());
    }
    const Bytes all = content(path);
    CHECK(std::equal(data.begin(), data.end(), all.begin() + 5 * 512));
    FileRig rig(path, uring);
    Bytes back(data.size());
    REQUIRE(rig.disk.read(5, back, rig.soon()).ok());
    CHECK(back == data);
  });
}

TEST_CASE("many requests at once, more than the file takes, all end well") {
  both_ways([](bool uring) {
    Folder folder;
    const std::string path = folder.file("disk", 1 << 20);
    FileRig rig(path, uring, false, {virtio::VIRTIO_F_RING_PACKED});
    const Bytes data = pattern(1 << 20, 2);
    const Offset buffer = *rig.region.arena().allocate(data.size());
    std::copy(data.begin(), data.end(), rig.region.at(buffer, data.size()).begin());
    constexpr std::size_t kPiece = 8192 * 4;
    for (std::size_t at = 0; at < data.size(); at += kPiece) {
      REQUIRE(rig.driver.submit(BlkRequest::write(at / 512, buffer + at, kPiece)).ok());
    }
    for (unsigned ended = 0; ended < data.size() / kPiece;) {
      REQUIRE(rig.driver.wait(rig.soon()) == Wake::kRung);
      while (const auto done = rig.driver.take()) {
        CHECK(done->result.ok());
        ++ended;
      }
    }
    CHECK(content(path) == data);
  });
}

TEST_CASE("discards make holes and zeroes are zeros, whether or not they keep their storage") {
  both_ways([](bool uring) {
    Folder folder;
    const std::string path = folder.file("disk", 1 << 20);
    FileRig rig(path, uring);
    const auto blocks = [&] {
      struct stat about {};
      REQUIRE(::stat(path.c_str(), &about) == 0);
      return about.st_blocks;
    };
    Bytes data = pattern(1 << 20, 3);
    REQUIRE(rig.disk.write(0, data, rig.soon()).ok());
    REQUIRE(rig.disk.flush(rig.soon()).ok());
    const auto full = blocks();
    REQUIRE(rig.disk.discard(256, 1024 * 512, rig.soon()).ok());
    CHECK(blocks() < full);
    virtio::virtio_blk_config config{};
    rig.model.read_config(0, std::as_writable_bytes(std::span(&config, 1)));
    CHECK(config.write_zeroes_may_unmap == 1);
    const auto before_zeroes = blocks();
    REQUIRE(rig.disk.write_zeroes(0, 128 * 512, true, rig.soon()).ok());
    CHECK(blocks() < before_zeroes);
    REQUIRE(rig.disk.write_zeroes(2000, 48 * 512, false, rig.soon()).ok());
    REQUIRE(rig.disk.write_zeroes(1501, 3 * 512, false, rig.soon()).ok());  // no multiple of a page
    const auto zero = [&](std::size_t first, std::size_t count) {
      std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(first * 512), count * 512, std::byte{0});
    };
    zero(256, 1024);
    zero(0, 128);
    zero(2000, 48);
    zero(1501, 3);
    CHECK(content(path) == data);
    CHECK(fs::file_size(path) == 1 << 20);
  });
}

TEST_CASE("where the file system can't zero a range, zeros are written") {
  both_ways([](bool uring) {
    Folder folder;
    const SmallDisk small(folder.path() / "mnt");  // tmpfs knows holes, but not FALLOC_FL_ZERO_RANGE
    if (!small.mounted()) {
      MESSAGE("skipped: mounting a tmpfs needs root");
      return;
    }
    const std::string path = folder.file("mnt/disk", 128 << 10);
    FileRig rig(path, uring);
    Bytes data = pattern(128 << 10, 4);
    REQUIRE(rig.disk.write(0, data, rig.soon()).ok());
    REQUIRE(rig.disk.write_zeroes(3, 200 * 512, false, rig.soon()).ok());
    std::fill_n(data.begin() + 3 * 512, 200 * 512, std::byte{0});
    CHECK(content(path) == data);
    CHECK(rig.lines.empty());
  });
}

TEST_CASE("a full disk is an error for the driver and one line in the log, and what was acknowledged stays") {
  both_ways([](bool uring) {
    Folder folder;
    const SmallDisk small(folder.path() / "mnt");
    if (!small.mounted()) {
      MESSAGE("skipped: mounting a small file system needs root");
      return;
    }
    const std::string path = folder.file("mnt/disk", 1 << 20);  // larger than what is there
    FileRig rig(path, uring);
    std::vector<bool> acknowledged;
    for (unsigned n = 0; n < 64; ++n) {
      const auto result = rig.disk.write(n * 32, pattern(32 * 512, n), rig.soon());
      acknowledged.push_back(result.ok());
      if (!result.ok()) CHECK(result.error() == BlkError::kDeviceError);
    }
    CHECK(std::count(acknowledged.begin(), acknowledged.end(), true) > 4);
    CHECK(std::count(acknowledged.begin(), acknowledged.end(), false) > 4);
    REQUIRE(rig.lines.size() == 1);
    CHECK(rig.lines[0].find("No space left on device") != std::string::npos);
    CHECK(rig.file.counters().failed > 4);
    for (unsigned n = 0; n < 64; ++n) {
      if (!acknowledged[n]) continue;
      Bytes back(32 * 512);
      REQUIRE(rig.disk.read(n * 32, back, rig.soon()).ok());
      CHECK(back == pattern(32 * 512, n));
    }
    REQUIRE(rig.disk.discard(0, 1024 * 512, rig.soon()).ok());  // makes room again
    CHECK(rig.disk.write(0, pattern(512, 99), rig.soon()).ok());
  });
}

TEST_CASE("a file that was cut short behind our back is an error where it ends, not zeros and not a hang") {
  both_ways([](bool uring) {
    Folder folder;
    const std::string path = folder.file("disk", 1 << 20);
    FileRig rig(path, uring);
    fs::resize_file(path, 100 * 512 + 100);
    Bytes back(32 * 512);
    CHECK(rig.disk.read(0, back, rig.soon()).ok());
    CHECK(rig.disk.read(90, back, rig.soon()).error() == BlkError::kDeviceError);
    CHECK(rig.disk.read(1000, back, rig.soon()).error() == BlkError::kDeviceError);
    CHECK(rig.lines.size() == 1);
    rig.model.recheck_capacity();
    rig.driver.poll();
    REQUIRE(rig.driver.take_config_change());
    REQUIRE(rig.driver.reload_config().ok());
    CHECK(rig.driver.capacity() == 100);
    CHECK(rig.disk.read(1000, back, rig.soon()).error() == BlkError::kOutsideTheDisk);
  });
}

TEST_CASE("a read-only disk needs no right to write and its driver learns of it") {
  both_ways([](bool uring) {
    Folder folder;
    const std::string path = folder.file("disk", 4096);
    fs::permissions(path, fs::perms::owner_read);
    FileRig rig(path, uring, true);
    CHECK(rig.driver.limits().read_only);
    CHECK(rig.disk.write(0, Bytes(512), rig.soon()).error() == BlkError::kReadOnly);
    Bytes back(512);
    CHECK(rig.disk.read(0, back, rig.soon()).ok());
    CHECK(back[0] == std::byte{'x'});
  });
}

TEST_CASE("a device that is reset lets the kernel finish before the buffers are anybody else's") {
  Folder folder;
  const std::string path = folder.file("disk", 4 << 20);
  FileRig rig(path, true);
  if (!rig.file.uses_io_uring()) {
    MESSAGE("skipped: this machine does not allow io_uring");
    return;
  }
  const Offset buffer = *rig.region.arena().allocate(1 << 20);
  for (unsigned n = 0; n < 8; ++n) {
    REQUIRE(rig.driver.submit(BlkRequest::read(n, buffer + n * (128 << 10), 128 << 10)).ok());
  }
  rig.transport.serve();
  rig.model.stop();
  const auto bytes = rig.region.at(buffer, 1 << 20);
  std::fill(bytes.begin(), bytes.end(), std::byte{0x5a});
  ::usleep(20'000);
  CHECK(std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0x5a}; }));
  CHECK_FALSE(rig.file.poll());
}

TEST_CASE("after drain() everything is over") {
  Folder folder;
  BlockFile file(folder.file("disk", 8 << 20), {});
  if (!file.uses_io_uring()) {
    MESSAGE("skipped: this machine does not allow io_uring");
    return;
  }
  TestRegion region(std::size_t{8} << 20);
  const virtio::Segment all{Offset(0), 8 << 20};
  using Operation = virtio::device::BlkOperation<RegionMemory>;
  const Operation write{.tag = 1,
                        .action = virtio::device::BlkAction::kWrite,
                        .bytes = all.bytes,
                        .memory = region.memory(),
                        .segments = std::span(&all, 1)};
  const Operation flush{.tag = 2, .action = virtio::device::BlkAction::kFlush};  // never over at once
  REQUIRE(file.submit(write) == virtio::device::BlkProgress::kPending);
  REQUIRE(file.submit(flush) == virtio::device::BlkProgress::kPending);
  file.drain();
  unsigned over = 0;
  while (const auto done = file.poll()) over += done->ok ? done->tag : 100;
  CHECK(over == 3);
}

TEST_CASE("a file that can't be served is refused with a sentence that names it") {
  Folder folder;
  const auto refusal = [](const std::string& path, bool read_only = false) -> std::string {
    try {
      const BlockFile file(path, {.read_only = read_only});
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  const std::string missing = (folder.path() / "missing").string();
  CHECK(refusal(missing) ==
        "the disk " + missing + " cannot be opened for writing: No such file or directory");
  CHECK(refusal(folder.path().string()).find("Is a directory") != std::string::npos);
  CHECK(refusal(folder.path().string(), true).find("neither a file nor a block device") != std::string::npos);
  CHECK(refusal(folder.file("tiny", 511)).find("less than one sector") != std::string::npos);
  const std::string pipe = (folder.path() / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refusal(pipe, true).find("neither a file nor a block device") != std::string::npos);
  const std::string used = folder.file("used", 4096);
  const BlockFile writer(used, {});
  CHECK(refusal(used).find("in use by another process") != std::string::npos);
  CHECK(refusal(used, true).find("in use by another process") != std::string::npos);
}

TEST_CASE("two may read one disk") {
  Folder folder;
  const std::string path = folder.file("disk", 4096);
  const BlockFile one(path, {.read_only = true});
  const BlockFile two(path, {.read_only = true});
  CHECK(two.capacity() == 8);
}

// --- the system calls of one operation ---

TEST_CASE("short reads and writes go on where they ended") {
  using process::BlockJob;
  std::array<std::byte, 64> bytes{};
  BlockJob job;
  job.begin(7, BlockJob::Action::kWrite, true, false, 1000, 60,
            {{&bytes[0], 10}, {&bytes[20], 30}, {&bytes[40], 20}});
  CHECK(job.call().count == 3);
  CHECK(job.call().durable);
  CHECK(job.result(5) == BlockJob::Next::kAgain);
  CHECK(job.call().at == 1005);
  CHECK(job.call().pieces[0].iov_base == &bytes[5]);
  CHECK(job.call().pieces[0].iov_len == 5);
  CHECK(job.result(-EINTR) == BlockJob::Next::kAgain);
  CHECK(job.result(25) == BlockJob::Next::kAgain);
  CHECK(job.call().count == 2);
  CHECK(job.call().pieces[0].iov_base == &bytes[40]);
  CHECK(job.result(30) == BlockJob::Next::kDone);
  job.begin(8, BlockJob::Action::kRead, false, false, 0, 60, {{&bytes[0], 60}});
  CHECK(job.result(59) == BlockJob::Next::kAgain);
  CHECK(job.result(0) == BlockJob::Next::kFailed);
  CHECK(job.error() == 0);
}

TEST_CASE("a change of storage that must be durable ends with a sync") {
  using process::BlockCall;
  using process::BlockJob;
  BlockJob job;
  job.begin(1, BlockJob::Action::kWriteZeroes, true, true, 0, 4096, {});
  CHECK(job.call().kind == BlockCall::Kind::kAllocate);
  CHECK(job.result(-EOPNOTSUPP) == BlockJob::Next::kAgain);
  CHECK(job.result(-EOPNOTSUPP) == BlockJob::Next::kAgain);
  CHECK(job.call().kind == BlockCall::Kind::kWrite);
  CHECK(job.call().durable);
  CHECK(job.result(4096) == BlockJob::Next::kDone);
  job.begin(2, BlockJob::Action::kDiscard, true, false, 0, 4096, {});
  CHECK(job.result(0) == BlockJob::Next::kAgain);
  CHECK(job.call().kind == BlockCall::Kind::kSync);
  CHECK(job.result(-EIO) == BlockJob::Next::kFailed);
  CHECK(job.error() == EIO);
  job.begin(3, BlockJob::Action::kDiscard, false, false, 0, 4096, {});
  CHECK(job.result(-EOPNOTSUPP) == BlockJob::Next::kDone);
  job.begin(4, BlockJob::Action::kDiscard, false, false, 0, 4096, {});
  CHECK(job.result(-EIO) == BlockJob::Next::kFailed);
}

TEST_CASE("zeros longer than one call go in several") {
  using process::BlockJob;
  BlockJob job;
  job.begin(1, BlockJob::Action::kWriteZeroes, false, false, 512, 3 << 20, {});
  REQUIRE(job.result(-EOPNOTSUPP) == BlockJob::Next::kAgain);
  std::uint64_t done = 0;
  while (true) {
    const auto call = job.call();
    CHECK(call.at == 512 + done);
    std::size_t most = 0;
    for (unsigned n = 0; n < call.count; ++n) most += call.pieces[n].iov_len;
    most -= most > 1000 ? 1000 : 0;  // short
    done += most;
    if (job.result(static_cast<int>(most)) == BlockJob::Next::kDone) break;
    REQUIRE(done < 3 << 20);
  }
  CHECK(done == 3 << 20);
}
