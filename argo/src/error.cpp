// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The sentences of error.hpp.
#include <hawser/argo/error.hpp>

namespace hawser::argo {

Error error_of(std::int32_t result) {
  // Not negated: the most negative number has no opposite.
  switch (result) {
    case -1:
      return Error::kNotPermitted;
    case -2:
      return Error::kNoSuchRing;
    case -3:
      return Error::kNoSuchDomain;
    case -11:
      return Error::kNoRoom;
    case -12:
      return Error::kNoMemory;
    case -13:
      return Error::kRefused;
    case -14:
      return Error::kBadAddress;
    case -16:
      return Error::kTooManyWaiters;
    case -17:
      return Error::kRingExists;
    case -19:
      return Error::kNoDomainState;
    case -22:
      return Error::kBadArgument;
    case -28:
      return Error::kTooManyRings;
    case -38:
      return Error::kNotBuiltIn;
    case -90:
      return Error::kTooLong;
    case -95:
      return Error::kSwitchedOff;
    case -108:
      return Error::kBrokerGone;
    case -111:
      return Error::kNobodyListens;
    default:
      return Error::kUnknown;
  }
}

const char* describe(Error error) {
  switch (error) {
    case Error::kNotPermitted:
      return "the policy forbids this pair of domains (EPERM): boot Xen with xsm=dummy or a policy that "
             "allows them, "
             "or give the broker a rule for them";
    case Error::kNoSuchRing:
      return "there is no such ring to unregister (ENOENT): Xen removed it when the peer's domain was "
             "destroyed";
    case Error::kNoSuchDomain:
      return "the peer's domain does not exist (ESRCH): start it, or correct the domain id";
    case Error::kNoRoom:
      return "the peer's ring has no room now (EAGAIN): wait until the peer has read";
    case Error::kNoMemory:
      return "Xen has no memory for this ring or message now (ENOMEM): leave Xen more memory, or use smaller "
             "rings";
    case Error::kRefused:
      return "the FLASK policy refuses this domain (EACCES): let it allow argo enable, and for this pair of "
             "domains register_single_source and send, or boot Xen with xsm=dummy";
    case Error::kBadAddress:
      return "Xen can not read an address it was given (EFAULT): map the port's memory and keep arguments "
             "and payload "
             "in it";
    case Error::kTooManyWaiters:
      return "32 domains wait for this ring already (EBUSY): try again later";
    case Error::kRingExists:
      return "a ring of another size is registered at this port (EEXIST): unregister it first";
    case Error::kNoDomainState:
      return "Xen gave this domain no Argo (ENODEV): let the security policy enable it for this domain";
    case Error::kBadArgument:
      return "Xen refuses the ring's memory or an argument (EINVAL): rings must be whole pages of the "
             "domain's own "
             "writable RAM, of at most 16 MiB";
    case Error::kTooManyRings:
      return "this domain has 128 rings (ENOSPC): unregister some, or restart the domain if it registered "
             "rings twice";
    case Error::kNotBuiltIn:
      return "this hypervisor has no Argo (ENOSYS): build Xen with CONFIG_ARGO=y";
    case Error::kTooLong:
      return "the message is longer than the peer's ring (EMSGSIZE): send less at a time, or give the peer a "
             "larger ring";
    case Error::kSwitchedOff:
      return "Argo is switched off (EOPNOTSUPP): boot Xen with argo=1";
    case Error::kBrokerGone:
      return "the Argo broker is gone, and nothing passes between domains without it: start hawser "
             "argo-broker again, "
             "and then this side";
    case Error::kNobodyListens:
      return "the peer has registered no ring for us (ECONNREFUSED): start its end of the link";
    case Error::kUnknown:
      break;
  }
  return "Xen refuses with an error that Argo is not known to give: is this hypercall Argo's?";
}

}  // namespace hawser::argo
