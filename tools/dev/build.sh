# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build the programs (build/native) and the guest images (build/guest-ARCH).
#:
#: CXX chooses another compiler for the programs. ccache is used if it is there.

setup_if_needed
build_all
