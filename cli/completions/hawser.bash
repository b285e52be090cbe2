# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# Completion of the hawser command for bash.

_hawser_values() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_hawser_files() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
_hawser_folders() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_hawser() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    _hawser_values "boot serve use ivshmem-server argo-broker stats bench --help --version"
    return
  fi
  case $prev in
    --arch | --driver-arch | --device-arch) _hawser_values "x86_64 aarch64" && return ;;
    --driver) _hawser_values "guest linux process" && return ;;
    --order) _hawser_values "driver-first device-first" && return ;;
    --quirks) _hawser_values "xen none" && return ;;
    --accel) _hawser_values "auto kvm tcg" && return ;;
    --queue-layout) _hawser_values "self-describing plain" && return ;;
    = | --disk | --xen | --policy | --socket | --status-socket) _hawser_files && return ;;
    --images | --logs) _hawser_folders && return ;;
    --kill) _hawser_values "driver@ device@" && compopt -o nospace && return ;;
    --link)
      if [[ $verb == boot ]]; then
        _hawser_values "ivshmem argo-broker argo xen-shm"
      else
        _hawser_values "ivshmem: argo: guest: vfio: xen:" && compopt -o nospace
      fi
      return
      ;;
    --device)
      if [[ $verb == serve ]]; then
        _hawser_values "blk,file= blk,memory= net,tap= net,user net,echo console,pty console,stdio console,echo rng"
        compopt -o nospace
      else
        _hawser_values "guest linux process"
      fi
      return
      ;;
    --seconds | --vectors | --max-peers | --patience | --spin | --size | --bytes | --rounds | --milliseconds | --domain | --allow | --max-message | --pid | --every | --deadline) return ;;
    --driver-argument | --device-argument | --xen-argument) return ;;
  esac
  case $verb in
    boot) _hawser_values "--link --arch --driver-arch --device-arch --driver --device --order --seconds --disk --kill
      --accel --queue-layout --size --vectors --driver-argument --device-argument --xen-argument --xsm-policy --images --xen --logs
      --quiet --json --help" ;;
    serve) _hawser_values "--link --device --queue-layout --spin --patience --help" ;;
    use) _hawser_values "--link --verify --seconds --bytes --patience --split --rows --json --help" ;;
    ivshmem-server) _hawser_values "--socket --size --vectors --max-peers --policy --status-socket --help" ;;
    argo-broker) _hawser_values "--domain --allow --policy --max-message --mac-permissive --quirks --status-socket --help" ;;
    stats) _hawser_values "--pid --once --json --every --deadline --help" ;;
    bench)
      case $cur in
        -*) _hawser_values "--quick --json --report --only --list --rounds --size --features --cores --tolerance --help" ;;
        *)
          if [[ ${COMP_WORDS[2]} == compare ]]; then
            _hawser_files
          else
            _hawser_values "limits queue link device stress argo argo-vs-ivshmem guests peers all compare"
          fi
          ;;
      esac
      ;;
  esac
}
complete -F _hawser hawser
