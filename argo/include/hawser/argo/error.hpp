// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Why Xen refuses an Argo operation, and what to change about it.
#pragma once

#include <cstdint>

namespace hawser::argo {

/// The values are Xen's errno numbers (xen/errno.h). Xen itself is never gone; a broker may be.
enum class Error : std::int32_t {
  kNotPermitted = 1,     ///< EPERM
  kNoSuchRing = 2,       ///< ENOENT
  kNoSuchDomain = 3,     ///< ESRCH
  kNoRoom = 11,          ///< EAGAIN
  kNoMemory = 12,        ///< ENOMEM
  kRefused = 13,         ///< EACCES: by FLASK; or a query about more than 256 rings
  kBadAddress = 14,      ///< EFAULT
  kTooManyWaiters = 16,  ///< EBUSY
  kRingExists = 17,      ///< EEXIST
  kNoDomainState = 19,   ///< ENODEV
  kBadArgument = 22,     ///< EINVAL
  kTooManyRings = 28,    ///< ENOSPC
  kNotBuiltIn = 38,      ///< ENOSYS
  kTooLong = 90,         ///< EMSGSIZE
  kSwitchedOff = 95,     ///< EOPNOTSUPP
  kBrokerGone = 108,     ///< ESHUTDOWN
  kNobodyListens = 111,  ///< ECONNREFUSED
  kUnknown = 0x7fffffff,
};

/// A negative result of result_of().
Error error_of(std::int32_t result);

/// One sentence that says what to change.
const char* describe(Error error);

/// The same call may succeed later without anybody changing anything: no room or memory now, or nobody there yet.
constexpr bool passing(Error error) {
  return error == Error::kNoRoom || error == Error::kNoMemory || error == Error::kTooManyWaiters ||
         error == Error::kNoSuchDomain || error == Error::kNobodyListens;
}

}  // namespace hawser::argo
