// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "block_ring.hpp"

#include <sched.h>

#include <cerrno>
#include <stdexcept>

namespace hawser::process {

std::unique_ptr<BlockRing> BlockRing::open(unsigned depth, int& error) {
  std::unique_ptr<BlockRing> ring(new BlockRing);
  error = -io_uring_queue_init(depth, &ring->ring_, IORING_SETUP_CLAMP);
  if (error != 0) {
    ring->ring_.ring_fd = -1;
    return nullptr;
  }
  io_uring_probe* probe = io_uring_get_probe_ring(&ring->ring_);
  const bool able = probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_READV) &&
                    io_uring_opcode_supported(probe, IORING_OP_WRITEV) &&
                    io_uring_opcode_supported(probe, IORING_OP_FSYNC) &&
                    io_uring_opcode_supported(probe, IORING_OP_FALLOCATE);
  if (probe != nullptr) io_uring_free_probe(probe);
  if (able) return ring;
  error = EOPNOTSUPP;
  return nullptr;
}

BlockRing::~BlockRing() {
  if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
}

void BlockRing::add(int file, const BlockCall& call, std::uint32_t job) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    go();
    sqe = io_uring_get_sqe(&ring_);
  }
  if (sqe == nullptr) throw std::logic_error("the submission queue is smaller than the table of jobs");
  switch (call.kind) {
    case BlockCall::Kind::kRead:
      io_uring_prep_readv(sqe, file, call.pieces, call.count, call.at);
      break;
    case BlockCall::Kind::kWrite:
      io_uring_prep_writev2(sqe, file, call.pieces, call.count, call.at, call.durable ? RWF_DSYNC : 0);
      break;
    case BlockCall::Kind::kSync:
      io_uring_prep_fsync(sqe, file, IORING_FSYNC_DATASYNC);
      break;
    case BlockCall::Kind::kAllocate:
      io_uring_prep_fallocate(sqe, file, call.mode, static_cast<off_t>(call.at),
                              static_cast<off_t>(call.bytes));
      break;
  }
  sqe->user_data = job;
}

void BlockRing::go() {
  while (io_uring_sq_ready(&ring_) != 0) {
    const int sent = io_uring_submit(&ring_);
    // EAGAIN: the kernel is out of memory for the moment. Everything else is not for us to live with.
    if (sent < 0 && sent != -EINTR && sent != -EAGAIN && sent != -EBUSY) {
      throw std::runtime_error("io_uring refuses submissions");
    }
    if (sent <= 0) sched_yield();
  }
}

std::optional<BlockRing::Completion> BlockRing::take() {
  io_uring_cqe* cqe = nullptr;
  if (io_uring_peek_cqe(&ring_, &cqe) != 0) return std::nullopt;
  const Completion completion{static_cast<std::uint32_t>(cqe->user_data), cqe->res};
  io_uring_cqe_seen(&ring_, cqe);
  return completion;
}

BlockRing::Completion BlockRing::wait() {
  go();
  for (;;) {
    if (const auto completion = take()) return *completion;
    io_uring_cqe* cqe = nullptr;
    const int error = io_uring_wait_cqe(&ring_, &cqe);
    if (error < 0 && error != -EINTR && error != -EAGAIN)
      throw std::runtime_error("io_uring refuses to wait");
  }
}

}  // namespace hawser::process
