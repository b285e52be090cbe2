# shellcheck shell=sh disable=SC2154 # addresses are those of lib.sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# The guest that serves: a disk with a file system, a network behind a bridge, a shell on a console, entropy. Read by
# /init.

# A file system with a tree in it, whose sums lie beside it.
make_disk() {
  disk=/tmp/disk.img
  if [ -b /dev/vda ]; then disk=/dev/vda; fi # lent by the machine: it outlives this guest
  if [ "$(dd if=$disk bs=1 skip=1080 count=2 2>/dev/null | xxd -p)" = 53ef ]; then return; fi # ext4's magic number
  mkdir -p /tmp/disk/tree
  cp -a /lib/modules /bin/hawser /tmp/disk/tree/
  (cd /tmp/disk && find tree -type f -exec sha256sum {} + >sums)
  [ -b $disk ] || truncate -s "${disk_size:-64M}" $disk
  mkfs.ext4 -q -F -E nodiscard -m 0 -d /tmp/disk $disk
  rm -rf /tmp/disk
}

# A bridge as a host would have it, with the served network as its only port.
join_bridge() {
  await 30 [ -e /sys/class/net/hawser0 ]
  brctl addif bridge0 hawser0
  ip link set hawser0 up
}

serve_network() {
  modprobe -a tun bridge
  brctl addbr bridge0
  ip link set bridge0 up
  ip address add "$address_of_device"/24 dev bridge0
  iperf3 -s -D
  mkdir -p /tmp/www
  head -c 4194304 /dev/urandom >/tmp/www/file
  sha256sum </tmp/www/file >/tmp/www/sum
  httpd -h /tmp/www
}

# A shell for whoever opens the console.
serve_shell() {
  await 30 [ -e /run/console ]
  while :; do setsid sh -c 'exec sh -i </run/console >/run/console 2>&1' || sleep 1; done
}

serve() {
  [ ! -e /sys/bus/pci/devices ] || modprobe -a virtio_pci virtio_blk
  modprobe tun
  make_disk
  serve_network
  start_link || return 1
  console=console,echo
  if [ "${peer:-linux}" = linux ]; then # one that can talk to a shell
    console=console,pty=/run/console
    serve_shell &
  fi
  join_bridge &
  where=guest:/dev/hawser0
  [ "${link:-ivshmem}" != argo ] || where=xen:/dev/hawser_argo,peer=$domain
  # shellcheck disable=SC2086  # a word or none
  hawser serve --link "$where" ${queue_layout:+--queue-layout "$queue_layout"} \
    --device "blk,file=$disk" --device net,tap=hawser0 --device $console --device rng
  status=$?
  [ $status != 0 ] || say "serving ended" # else it has said why
  return $status
}

# Where the machine outlives this guest, only this tells that it has ended.
main() {
  serve
  echo "HAWSER-END status=$?"
}
