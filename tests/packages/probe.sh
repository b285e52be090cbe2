#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# What a guest with the packages has at boot, said on its second serial port: "row yes|no SENTENCE" for each, then "end".
# It loads no module and starts nothing.
exec >/dev/ttyS1

# row SENTENCE COMMAND...
row() {
  sentence=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "row yes $sentence"; else echo "row no $sentence"; fi
}

# within SECONDS COMMAND...
within() {
  tries=$1
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 1
  done
}

of_dkms() { modinfo -n hawser_ivshmem | grep "^/lib/modules/$(uname -r)/updates/dkms/hawser_ivshmem.ko"; }
port() { ls /dev/vport*p0; }
network() { readlink /sys/class/net/*/device/driver | grep 'virtio_net$'; }

# Written, and read again from the other side.
disk() {
  head -c 4194304 /dev/urandom >/run/written
  dd if=/run/written of=/dev/vda bs=1M oflag=direct && dd if=/dev/vda of=/run/read bs=1M count=4 iflag=direct &&
    cmp /run/written /run/read
}

entropy() {
  grep -q virtio_rng /sys/class/misc/hw_random/rng_available &&
    [ "$(head -c 64 /dev/hwrng | wc -c)" = 64 ]
}

quiet() { ! dmesg | grep -E 'BUG|WARNING:|Oops|Call Trace'; }

row "the module is DKMS's" of_dkms
row "udev loaded it" within 60 grep -q '^hawser_ivshmem ' /proc/modules
row "there are two windows" test -c /dev/hawser0 -a -c /dev/hawser1
row "a disk: /dev/vda" within 60 test -b /dev/vda
row "what is written to it comes back" disk
row "a network of virtio_net" within 20 network
row "entropy: /dev/hwrng" within 20 entropy
row "a port: /dev/vportNp0" within 20 port
row "hawser-serve@served runs" within 60 systemctl -q is-active hawser-serve@served
row "the kernel has nothing to complain of" quiet
uname -r
cat /proc/modules
systemctl --no-pager status hawser-serve@served
dmesg | grep -i hawser
echo end
