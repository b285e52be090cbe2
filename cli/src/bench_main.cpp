// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// hawser-bench: the verb `bench` alone. It is a program of its own because nobody who boots guests or serves a device
// needs it, and it takes as long to build as the rest.

#include "program.hpp"

int main(int argc, char** argv) {
  return hawser::cli::run_program(argc, argv, hawser::cli::add_bench);
}
