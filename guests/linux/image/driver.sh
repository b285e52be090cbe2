# shellcheck shell=sh disable=SC2154,SC3045 # addresses are those of lib.sh; busybox reads with a time limit
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# The guest that uses the devices, through its kernel's own drivers. Each row says what was done, and whether what came
# back is what it should be. Read by /init.

failures=0

# What the devices' interrupts have come to.
interrupts() {
  awk '/virtio|hawser/ { for (n = 2; n <= NF && $n ~ /^[0-9]+$/; n++) sum += $n } END { print sum + 0 }' /proc/interrupts
}

# What was rung: of windows by whoever has them, over Argo by the queues.
doorbells() {
  cat /sys/class/hawser/*/doorbells /sys/bus/platform/devices/hawser-argo.*/hawser-bus*/queues 2>/dev/null |
    awk 'NF == 1 { sum += $1 } NF > 4 { sum += $5 } END { print sum + 0 }'
}

begin() {
  interrupts_before=$(interrupts)
  doorbells_before=$(doorbells)
  began=$(now)
}

# row DEVICE OPERATION BYTES OPERATIONS VERIFIED [NOTE]: of what was done since begin.
row() {
  ended=$(now)
  row_in $((ended - began)) "$@"
}

# The same, with its nanoseconds said by what did it.
row_in() {
  [ "$6" = yes ] || failures=$((failures + 1))
  echo "HAWSER-ROW device=$2 op=$3 bytes=${4:-0} ops=${5:-0} ns=$1" \
    "doorbells=$(($(doorbells) - doorbells_before)) interrupts=$(($(interrupts) - interrupts_before))" \
    "verified=$6${7:+ note=$7}"
}

# yes_if COMMAND...: "yes" or "no".
yes_if() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }

# Requests and bytes of a disk, as the kernel counts them: reads and writes.
disk_requests() { awk '{ print $1 + $5 }' /sys/block/vda/stat; }
disk_bytes() { awk '{ print ($3 + $7) * 512 }' /sys/block/vda/stat; }

begin_disk() {
  requests_before=$(disk_requests)
  bytes_before=$(disk_bytes)
  begin
}

disk_row() { row blk0 "$1" $(($(disk_bytes) - bytes_before)) $(($(disk_requests) - requests_before)) "$2" "${3:-}"; }

drop_caches() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
}

use_files() {
  if [ "$peer" = plain ]; then
    begin_disk
    mkfs.ext4 -q -F /dev/vda
    disk_row mkfs-ext4 "$(yes_if [ $? = 0 ])"
  fi
  begin_disk
  mount -t ext4 /dev/vda /mnt
  disk_row mount-ext4 "$(yes_if mountpoint_of /mnt)"
  mountpoint_of /mnt || return
  if [ "$peer" = plain ]; then
    mkdir -p /mnt/tree
    cp -a /lib/modules /mnt/tree/
    (cd /mnt && find tree -type f -exec sha256sum {} + >sums)
    drop_caches
  fi
  files=$(wc -l </mnt/sums)
  begin_disk
  (cd /mnt && sha256sum -c -s sums)
  disk_row read-tree "$(yes_if [ $? = 0 -a "$files" -gt 0 ])" "$files files"
  rm -rf /mnt/copy # of a driver that was killed
  begin_disk
  mkdir -p /mnt/copy
  cp -a /mnt/tree /mnt/copy/
  drop_caches
  (cd /mnt/copy && sha256sum -c -s ../sums)
  disk_row copy-tree "$(yes_if [ $? = 0 ])" "$files files"
  rm -rf /mnt/copy
}

mountpoint_of() { grep -q " $1 " /proc/mounts; }

# fio_row NAME BYTES OPTIONS...: requests of so many bytes; figures out of fio's terse output, version 3.
fio_row() {
  name=$1
  request=$2
  shift 2
  begin
  terse=$(fio --name="$name" --filename=/mnt/fio --size=8M --direct=1 --ioengine=io_uring --verify=crc32c \
    --verify_fatal=1 --output-format=terse --terse-version=3 --bs="$request" "$@" 2>&1)
  status=$?
  # 5: error; of reads 6 KiB, 9 milliseconds, 40 mean latency in microseconds; of writes 47, 50 and 81.
  figures=$(echo "$terse" | awk -F ';' -v name="$name" '
    $1 == 3 { if (name ~ /write/) print $47 * 1024, $50, $81, $5; else print $6 * 1024, $9, $40, $5; found = 1 }
    END { if (!found) print 0, 1, 0, 1 }')
  # shellcheck disable=SC2086  # one word a figure
  set -- $figures
  verified=$(yes_if [ "$status" = 0 -a "$4" = 0 -a "$1" -gt 0 ])
  [ "$verified" = yes ] || echo "$terse" | grep -v "^3;"
  row_in $(($2 * 1000000)) blk0 "fio-$name" "$1" $(($1 / request)) "$verified" "mean latency ${3%.*} us"
}

use_fio() {
  fio_row write-1m 1048576 --rw=write --iodepth=4 --size=16M
  fio_row randwrite-4k-1 4096 --rw=randwrite --iodepth=1 --size=2M
  fio_row randwrite-4k-32 4096 --rw=randwrite --iodepth=32
  fio_row randread-4k-1 4096 --rw=randread --iodepth=1 --size=2M
  fio_row randread-4k-32 4096 --rw=randread --iodepth=32
}

use_blk() {
  await 60 [ -b /dev/vda ] || {
    begin
    row blk0 appear 0 0 no "there is no disk"
    return
  }
  use_files || return
  use_fio
  begin_disk
  umount /mnt
  disk_row unmount "$(yes_if [ $? = 0 ])"
}

packets() { cat /sys/class/net/eth0/statistics/?x_packets | awk '{ sum += $1 } END { print sum }'; }

# Epochs of the link: another one means that a side was away.
epoch() { cat /sys/class/hawser/*/epoch /sys/bus/platform/devices/hawser-argo.*/epoch 2>/dev/null; }

# net_row NAME JOB...: the job sets bytes, operations, verified and maybe took and note. A peer that died has forgotten
# its ends of connections, so what was under way is done once more; what fails on a link that stayed up has failed. The
# epoch tells only once a peer is back, so that is waited for, before and after.
net_row() {
  name=$1
  shift
  for _ in 1 2 3; do
    await 60 ping -c 1 -W 1 "$address_of_device"
    epoch_before=$(epoch)
    took=
    note=
    packets_before=$(packets)
    begin
    "$@"
    [ -n "$took" ] || took=$(($(now) - began))
    [ "$verified" = no ] || break
    await 60 ping -c 1 -W 1 "$address_of_device"
    [ "$(epoch)" != "$epoch_before" ] || break
    say "net0 $name: the other side was away, so again"
  done
  row_in "$took" net0 "$name" "$bytes" "$operations" "$verified" "$note"
}

ping_fast() {
  said=$(ping -A -c 300 -w 20 -q "$address_of_device")
  operations=$(echo "$said" | sed -n 's/.* \([0-9]*\) packets received.*/\1/p')
  operations=${operations:-0}
  bytes=$((operations * 84))
  note="mean $(echo "$said" | sed -n 's|.*= [0-9.]*/\([0-9.]*\)/.*|\1|p') ms"
  verified=$(yes_if [ "$operations" = 300 ])
}

# A file whose sum the other side knows. A connection whose other end has died must not be waited for until TCP gives up,
# here and below.
get_file() {
  rm -f /tmp/file
  timeout 20 wget -q -O /tmp/file "http://$address_of_device/file"
  took=$(($(now) - began))
  operations=$(($(packets) - packets_before))
  bytes=$(wc -c </tmp/file)
  sum=$(timeout 20 wget -q -O - "http://$address_of_device/sum")
  verified=$(yes_if [ -n "$sum" -a "$sum" = "$(sha256sum </tmp/file)" ])
}

# iperf OPTIONS...: operations are packets, either way, as the driver hands them over.
iperf() {
  json=$(timeout $((${net_seconds:-2} + 20)) iperf3 -J -c "$address_of_device" -t "${net_seconds:-2}" "$@")
  status=$?
  # The last sum that was received: bytes, seconds.
  figures=$(echo "$json" | awk '
    /"sum_received"/ { inside = 1 }
    inside && /"seconds"/ { gsub(/[^0-9.e+]/, "", $2); seconds = $2 }
    inside && /"bytes"/ { gsub(/[^0-9]/, "", $2); bytes = $2; inside = 0 }
    END { printf "%d %.0f %.2f\n", bytes, seconds * 1e9, seconds ? bytes * 8e-9 / seconds : 0 }')
  # shellcheck disable=SC2086  # one word a figure
  set -- $figures
  bytes=$1
  took=$2
  note="$3 Gbit/s"
  operations=$(($(packets) - packets_before))
  verified=$(yes_if [ "$status" = 0 -a "$bytes" -gt 0 ])
  [ "$verified" = yes ] || echo "$json" | tail -n 5
}

use_net() {
  await 60 [ -e /sys/class/net/eth0 ] || {
    begin
    row net0 appear 0 0 no "there is no network"
    return
  }
  ip link set eth0 up
  ip address add "$address_of_driver"/24 dev eth0
  if [ "$peer" = plain ]; then # a network of one that sends every frame back
    received=$(cat /sys/class/net/eth0/statistics/rx_packets)
    begin
    arping -c 5 -w 1 -I eth0 "$address_of_device" >/dev/null 2>&1
    received=$(($(cat /sys/class/net/eth0/statistics/rx_packets) - received))
    row net0 frames-back 0 "$received" "$(yes_if [ "$received" -gt 0 ])"
    return
  fi
  net_row ping ping_fast
  net_row http-get get_file
  net_row iperf3-tcp-to iperf
  net_row iperf3-tcp-from iperf -R
}

use_console() {
  await 60 [ -c /dev/hvc0 ] || {
    begin
    row console0 appear 0 0 no "there is no console"
    return
  }
  exec 3<>/dev/hvc0
  stty -F /dev/hvc0 raw -echo
  if [ "$peer" = plain ]; then
    question=$(head -c 24 /dev/urandom | xxd -p)
    answer=$question
  else # a shell
    # shellcheck disable=SC2016  # the other side works it out
    question='echo answer-$((6 * 7))-$(hostname)'
    answer="answer-42-device"
  fi
  begin
  seen=no
  bytes=0
  # Until stty, this terminal has sent the shell's greeting back to it; and the shell may not be there yet.
  attempt=0
  until_=$(($(now) + 60000000000))
  while [ $seen = no ] && [ "$(now)" -lt $until_ ]; do
    attempt=$((attempt + 1))
    [ "$attempt" = 1 ] || say "console: no answer, asking again"
    echo "$question" >&3
    bytes=$((bytes + ${#question} + 1))
    while [ $seen = no ] && IFS= read -r -t 2 line <&3; do
      bytes=$((bytes + ${#line} + 1))
      case "$line" in *"$answer"*) seen=yes ;; esac
    done
  done
  exec 3>&-
  row console0 "$([ "$peer" = plain ] && echo echo || echo shell)" "$bytes" $((2 * attempt)) $seen
}

use_rng() {
  source_is_virtio() { grep -q virtio /sys/class/misc/hw_random/rng_current; }
  await 60 source_is_virtio
  begin
  head -c 4096 /dev/hwrng >/tmp/one
  head -c 4096 /dev/hwrng >/tmp/two
  verified=$(yes_if [ "$(wc -c </tmp/one)" = 4096 -a "$(wc -c </tmp/two)" = 4096 ])
  # No two alike, and nothing that could be packed.
  if cmp -s /tmp/one /tmp/two || [ "$(gzip -c /tmp/one | wc -c)" -lt 4000 ] || ! source_is_virtio; then verified=no; fi
  row rng0 read 8192 2 "$verified" "$(cat /sys/class/misc/hw_random/rng_current)"
}

# The last word is the verdict of all.
go_on() {
  deadline=$(($(now) + ${seconds:-0} * 1000000000))
  while [ "$(now)" -lt $deadline ]; do
    mount -t ext4 /dev/vda /mnt
    fio_row randwrite-4k-32 4096 --rw=randwrite --iodepth=32
    umount /mnt
    use_rng
  done
}

# All four, and a link that tells its epoch, which net_row needs; QEMU's own devices have no link.
devices_there() {
  [ "$(find /sys/bus/virtio/devices -mindepth 1 | wc -l)" -ge 4 ] && { [ "${link:-}" = none ] || [ -n "$(epoch)" ]; }
}

main() {
  peer=${peer:-linux}
  modprobe -a virtio_blk virtio_net virtio_console virtio-rng ext4 crc32c_generic
  begin
  start_link
  await 120 devices_there
  row link devices 0 "$(find /sys/bus/virtio/devices -mindepth 1 | wc -l)" "$(yes_if devices_there)"
  if devices_there; then
    use_rng
    use_console
    use_blk
    use_net
    go_on
  fi
  echo "HAWSER-END status=$((failures > 0))"
}
