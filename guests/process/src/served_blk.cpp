// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kinds.hpp"

#include <hawser/process/block_file.hpp>

#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace hawser::process {
namespace {

using virtio::kSectorBytes;
constexpr std::uint16_t kMaxBlkQueues = 8;

struct BlkChoice {
  std::optional<std::string> file;
  std::uint64_t memory = 0;
  bool read_only = false;
  bool write_back = true;
  std::uint16_t queues = 1;
  std::string id;
};

/// Room for as many queues as were chosen.
class Room {
 public:
  explicit Room(std::uint16_t queues) : queues_(queues) {}
  virtio::device::BlkStorage<RegionMemory> storage() {
    virtio::device::BlkStorage<RegionMemory> all = *room_;
    all.queues = all.queues.first(queues_);
    return all;
  }

 private:
  using All = virtio::device::BlkRoom<RegionMemory, kMaxBlkQueues, 32>;
  std::uint16_t queues_;
  std::unique_ptr<All> room_ = std::make_unique<All>();
};

/// Memory that takes room only where it has been written to, in huge pages if the machine gives any.
class SparseMemory {
 public:
  explicit SparseMemory(std::uint64_t bytes) {
    void* const at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
      throw std::runtime_error(
          fmt::format("there are no {} bytes of memory for a disk: {}", bytes, ::strerror(errno)));
    }
    // Blocks are read here and there: in small pages, finding one takes the processor a good part of what copying it does.
    (void)::madvise(at, bytes, MADV_HUGEPAGE);
    bytes_ = {static_cast<std::byte*>(at), bytes};
  }
  SparseMemory(const SparseMemory&) = delete;
  SparseMemory& operator=(const SparseMemory&) = delete;
  ~SparseMemory() { ::munmap(bytes_.data(), bytes_.size()); }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

std::string size_text(std::uint64_t bytes) {
  return bytes < 1 << 20 ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{} MiB", bytes >> 20);
}

class ServedMemoryDisk final : public Served {
 public:
  explicit ServedMemoryDisk(const BlkChoice& choice)
      : id_(choice.id.empty() ? "hawser-memory" : choice.id),
        memory_(choice.memory),
        disk_(memory_.bytes(), choice.read_only),
        room_(choice.queues) {}
  DeviceRef model() override { return DeviceRef(blk_); }
  std::string describe() const override {
    return fmt::format("block, {} of memory{}", size_text(memory_.bytes().size()),
                       disk_.read_only() ? ", read only" : "");
  }

 private:
  std::string id_;
  SparseMemory memory_;
  virtio::device::MemoryDisk disk_;
  Room room_;
  virtio::device::Blk<RegionMemory, virtio::device::MemoryDisk> blk_{room_.storage(), disk_, {.id = id_}};
};

class ServedFile final : public Served {
 public:
  ServedFile(const BlkChoice& choice, const Say& say)
      : path_(*choice.file),
        id_(choice.id.empty() ? "hawser-file" : choice.id),
        write_back_(choice.write_back),
        file_(path_, {.read_only = choice.read_only, .depth = kDepth, .log = say}),
        room_(choice.queues) {}
  DeviceRef model() override { return DeviceRef(blk_); }
  std::string describe() const override {
    return fmt::format("block, {} of {}{}{}{}", size_text(file_.capacity() * kSectorBytes), path_,
                       file_.read_only() ? ", read only" : "", write_back_ ? "" : ", write-through",
                       file_.uses_io_uring() ? ", io_uring" : "");
  }
  std::vector<int> wake_fds() const override {
    if (file_.wake_fd() < 0) return {};
    return {file_.wake_fd()};
  }
  void look() override { blk_.recheck_capacity(); }

 private:
  static constexpr unsigned kDepth = 128;

  std::string path_;
  std::string id_;
  bool write_back_;
  BlockFile file_;
  Room room_;
  virtio::device::Blk<RegionMemory, BlockFile> blk_{
      room_.storage(), file_, {.id = id_, .write_cache = write_back_}};
};

}  // namespace

MakeServed parse_blk(const Words& words, bool shares_fate) {
  BlkChoice choice;
  choice.write_back = shares_fate;
  words.once();
  for (const Word& word : words.rest()) {
    if (word.key == "file") {
      choice.file = word.string();
    } else if (word.key == "memory") {
      choice.memory = word.size(kSectorBytes, std::uint64_t{1} << 40);
    } else if (word.text == "ro") {
      choice.read_only = true;
    } else if (word.key == "cache") {
      choice.write_back = word.string() == "write-back";
      if (!choice.write_back && word.string() != "write-through")
        throw std::invalid_argument(
            fmt::format("'{}': cache must be write-back or write-through", word.text));
    } else if (word.key == "queues") {
      choice.queues = static_cast<std::uint16_t>(word.number(1, kMaxBlkQueues));
    } else if (word.key == "id") {
      choice.id = word.string();
      if (choice.id.size() > virtio::VIRTIO_BLK_ID_BYTES)
        throw std::invalid_argument(fmt::format("'{}': id has at most {} characters", word.text,
                                                std::size_t{virtio::VIRTIO_BLK_ID_BYTES}));
    } else {
      unknown_word("blk", word);
    }
  }
  if (choice.file.has_value() == (choice.memory != 0))
    throw std::invalid_argument("the device blk needs either file=PATH or memory=SIZE");
  return [choice](const Say& say) -> std::unique_ptr<Served> {
    if (choice.file) return std::make_unique<ServedFile>(choice, say);
    return std::make_unique<ServedMemoryDisk>(choice);
  };
}

}  // namespace hawser::process
