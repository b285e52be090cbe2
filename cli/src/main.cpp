// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "program.hpp"

int main(int argc, char** argv) {
  return hawser::cli::run_program(argc, argv, [](CLI::App& app, hawser::cli::Status& status) {
    hawser::cli::add_boot(app, status);
    hawser::cli::add_serve(app, status);
    hawser::cli::add_use(app, status);
    hawser::cli::add_ivshmem_server(app, status);
    hawser::cli::add_argo_broker(app, status);
    hawser::cli::add_stats(app, status);
    hawser::cli::add_bench(app, status);
  });
}
