#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# package_test.sh FOLDER PACKAGES HAWSER: installs the packages in the folder PACKAGES in a Debian 12 of their own, and boots
# that under QEMU opposite the program HAWSER, once for each of three kernels:
#
#   the release's     `apt install ./hawser-dkms_*.deb` brings the headers and DKMS, which builds the modules
#   an update's       `apt full-upgrade`, which brings a newer kernel of the same series
#   another series'   Debian 12's newer kernel, by its metapackages
#
# At each boot, without further words, the devices of the process on the host must be there and work, and what
# hawser-serve@ serves must be what `hawser use` on the host verifies. In the end the packages are purged, and nothing may
# be left. Packages are installed in a chroot, which takes root; what is mounted for that is seen by nobody else.
# FOLDER keeps the first system and what was downloaded.
set -eu

[ $# -eq 3 ] || {
  echo "usage: package_test.sh FOLDER PACKAGES HAWSER" >&2
  exit 64
}
if [ -z "${HAWSER_UNSHARED:-}" ]; then
  exec env HAWSER_UNSHARED=1 unshare --mount --propagation private -- "$0" "$@"
fi
mkdir -p "$1"
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(cd "$1" && pwd)
packages=$(cd "$2" && pwd)
hawser=$(cd "$(dirname "$3")" && pwd)/hawser
root=$folder/root
suite=bookworm
newer=6.12 # the other series that Debian 12 has
passed=0
failed=0
pids=

fail() {
  echo "package_test.sh: $*" >&2
  exit 1
}

[ "$(uname -m)" = x86_64 ] || fail "this test's guest is x86_64, and so must be the host: packages are installed in a chroot"
for tool in debootstrap mke2fs qemu-system-x86_64 unshare; do
  command -v "$tool" >/dev/null || fail "this takes $tool, which is not here"
done

# result OK SENTENCE
result() {
  if [ "$1" = yes ]; then
    passed=$((passed + 1))
    echo "ok      $2"
  else
    failed=$((failed + 1))
    echo "FAILED  $2"
  fi
}

# expect SENTENCE COMMAND...
expect() {
  sentence=$1
  shift
  if "$@" >/dev/null 2>&1; then result yes "$sentence"; else result no "$sentence"; fi
}

end_processes() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  for pid in $pids; do wait "$pid" 2>/dev/null || true; done
  pids=
}
trap end_processes EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the system

# Where this system has its packages from, and how it gets there.
mirror_of() {
  # shellcheck disable=SC2016 # the variables are apt's
  found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' |
    awk -v release="$1" '$2 == release { print $1; exit }') || found=
  echo "${found:-http://deb.debian.org/$2}"
}
main=$(mirror_of $suite debian)
security=$(mirror_of $suite-security debian-security)

reach_mirrors() {
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' >"$root/etc/apt/apt.conf.d/99reach" || true
}

mount_root() {
  mkdir -p "$folder/debs/partial"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sys "$root/sys"
  mount --bind "$folder/debs" "$root/var/cache/apt/archives"
  mount -t tmpfs tmpfs "$root/tmp"
}

# Before the image is made: what is mounted is not on it.
unmount_root() { umount "$root/tmp" "$root/var/cache/apt/archives" "$root/sys" "$root/proc"; }

inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot "$root" "$@" </dev/null
}

# As a person would, but for the answer to "continue?", and keeping what was downloaded.
apt() { inside apt-get -q -y -o APT::Keep-Downloaded-Packages=true -o Dpkg::Use-Pty=0 "$@" >>"$folder/apt.log" 2>&1; }

make_base() {
  echo "a Debian 12 with its release's kernel ..."
  rm -rf "$root"
  debootstrap --variant=minbase --include=systemd-sysv,udev,kmod,initramfs-tools,iproute2,zstd \
    $suite "$root" "$main" >"$folder/debootstrap.log" 2>&1 || fail "no Debian came of it: see $folder/debootstrap.log"
  reach_mirrors
  # What this guest boots from. It spares the kernel of QEMU's guest a large archive; the rest is Debian's default.
  echo MODULES=list >"$root/etc/initramfs-tools/conf.d/small"
  printf 'ahci\nsd_mod\next4\n' >>"$root/etc/initramfs-tools/modules"
  echo "/dev/sda / ext4 defaults 0 1" >"$root/etc/fstab"
  echo guest >"$root/etc/hostname"
  # Without fsync: it is a test.
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe"
  mount_root
  { apt update && apt install linux-image-amd64; } || fail "Debian's kernel could not be installed: see $folder/apt.log"
  unmount_root
  tar -C "$root" --one-file-system -cf "$folder/base.tar.new" .
  mv "$folder/base.tar.new" "$folder/base.tar"
}

: >"$folder/apt.log"
if [ -f "$folder/base.tar" ]; then
  rm -rf "$root"
  mkdir "$root"
  tar -C "$root" -xf "$folder/base.tar"
  reach_mirrors
else
  make_base
fi

# What the guest does at boot: this test's own, and the service that is tested.
install -D -m 755 "$here/tests/packages/probe.sh" "$root/usr/local/sbin/probe"
install -D -m 644 "$here/tests/packages/probe.service" "$root/etc/systemd/system/probe.service"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../probe.service "$root/etc/systemd/system/multi-user.target.wants/probe.service"

# --- booting

newest_kernel() { find "$root/lib/modules" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1; }

# wait_for SECONDS WORD: until the guest says so.
wait_for() {
  end=$(($(date +%s) + $1))
  until grep -qs "^$2" "$work/said"; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    kill -0 "$qemu" 2>/dev/null || return 1
    sleep 1
  done
}

# boot KERNEL
boot() {
  kernel=$1
  work=$folder/boot-$kernel
  rm -rf "$work"
  mkdir -p "$work"
  rm -f "$folder/disk.img"
  mke2fs -qq -F -t ext4 -O ^has_journal -d "$root" "$folder/disk.img" 6G

  for window in driver served; do
    "$hawser" ivshmem-server --socket "$work/$window.sock" --size 16M --vectors 8 >"$work/$window-server.log" 2>&1 &
    pids="$pids $!"
  done
  "$hawser" serve --link "ivshmem:$work/driver.sock" --device blk,memory=32M --device net,echo --device console,echo \
    --device rng >"$work/serve.log" 2>&1 &
  pids="$pids $!"
  qemu-system-x86_64 -M q35 -accel "${HAWSER_ACCEL:-tcg}" -cpu max -m 768 -nographic -nodefaults -no-reboot -net none \
    -kernel "$root/boot/vmlinuz-$kernel" -initrd "$root/boot/initrd.img-$kernel" \
    -append 'root=/dev/sda rw console=ttyS0 quiet systemd.show_status=false tsc=unstable' \
    -serial "file:$work/console" -serial "file:$work/said" \
    -drive "if=none,id=root,format=raw,cache=unsafe,file=$folder/disk.img" -device ide-hd,drive=root,bus=ide.0 \
    -chardev "socket,id=driver,path=$work/driver.sock" -device ivshmem-doorbell,chardev=driver,vectors=8,addr=0x10 \
    -chardev "socket,id=served,path=$work/served.sock" -device ivshmem-doorbell,chardev=served,vectors=8,addr=0x11 \
    >"$work/qemu.log" 2>&1 &
  qemu=$!
  pids="$pids $qemu"

  if wait_for 400 end; then
    while read -r word verdict sentence; do
      if [ "$word" = row ]; then result "$verdict" "$kernel: $sentence"; fi
    done <"$work/said"
    expect "$kernel: hawser use verifies what hawser-serve@ serves" \
      timeout 120 "$hawser" use --link "ivshmem:$work/served.sock" --verify
  else
    result no "$kernel: the guest came to its end (see $work)"
  fi
  end_processes
  rm -f "$folder/disk.img"
}

# built KERNEL MODULE: some kernels have their modules compressed.
built() { find "$root/lib/modules/$1/updates/dkms" -name "$2.ko" -o -name "$2.ko.*" | grep .; }

# modules_of KERNEL: all three are there.
modules_of() {
  for module in hawser hawser_ivshmem hawser_argo; do
    expect "$1: DKMS built $module" built "$1" "$module"
  done
}

# Every file that is named as ours are, but in /tmp, which is another file system.
names_of_ours() { inside find / -xdev -iname '*hawser*' | sort; }

# --- the tests

mount_root
names_of_ours >"$folder/before"
cp "$packages"/hawser-dkms_*_all.deb "$packages"/hawser-guest_*_amd64.deb "$root/tmp/"
echo "apt install ..."
apt update || fail "the lists of packages could not be read: see $folder/apt.log"
expect "apt install ./hawser-dkms ./hawser-guest" apt install \
  "/tmp/$(basename "$packages"/hawser-dkms_*_all.deb)" "/tmp/$(basename "$packages"/hawser-guest_*_amd64.deb)"
first=$(newest_kernel)
modules_of "$first"
expect "what will be looked for is found" sh -c "chroot '$root' find / -xdev -iname '*hawser*' | grep -qFx /usr/bin/hawser"
expect "no service is enabled" sh -c "! find '$root/etc/systemd' -name 'hawser*' | grep ."
expect "the manual page can be read" inside sh -c 'zcat /usr/share/man/man1/hawser.1.gz | head -n 5'
cat >"$root/etc/hawser/served.conf" <<'END'
LINK=guest:/dev/hawser1
DEVICES="--device blk,memory=16M --device net,echo --device console,echo --device rng"
END
inside systemctl -q enable hawser-serve@served
unmount_root
boot "$first"

mount_root
echo "deb $security $suite-security main" >"$root/etc/apt/sources.list.d/security.list"
echo "apt full-upgrade ..."
expect "apt full-upgrade" eval 'apt update && apt full-upgrade'
second=$(newest_kernel)
if [ "$second" = "$first" ]; then
  echo "skipped $first is the newest of its series: the upgrade brought none"
else
  modules_of "$second"
fi
unmount_root
if [ "$second" != "$first" ]; then boot "$second"; fi

mount_root
echo "apt install linux-image-$newer-amd64 ..."
expect "apt install linux-image-$newer-amd64 linux-headers-$newer-amd64" \
  apt install "linux-image-$newer-amd64" "linux-headers-$newer-amd64"
third=$(newest_kernel)
modules_of "$third"
unmount_root
boot "$third"

mount_root
echo "apt purge ..."
expect "apt purge of the first kernel" apt purge "linux-image-$first" "linux-headers-$first"
expect "it leaves none of its modules" test ! -e "$root/lib/modules/$first/updates"
expect "apt purge hawser-dkms hawser-guest" apt purge hawser-dkms hawser-guest
names_of_ours >"$folder/after"
expect "purge leaves nothing: $(comm -13 "$folder/before" "$folder/after" | xargs)" cmp "$folder/before" "$folder/after"
expect "no kernel has an empty folder of DKMS's" sh -c "! find '$root'/lib/modules/*/updates | grep ."
unmount_root
rm -rf "$root"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
