# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build the programs (build/native) and the guest images (build/guest-ARCH).
#:
#: Test programs too, once ./dev test has been here.
#:
#: CXX chooses another compiler for the programs. ccache is used if it is there.

setup_if_needed run
build_all
