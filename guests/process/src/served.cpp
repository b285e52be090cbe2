// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kinds.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace hawser::process {

void unknown_word(std::string_view kind, const Word& word) {
  throw std::invalid_argument(
      fmt::format("'{}' is not an option of the device {}; see hawser serve --help", word.text, kind));
}

MakeServed parse_served(std::string_view text, unsigned place, bool shares_fate) {
  const Words words(text);
  if (words.first() == "blk") return parse_blk(words, shares_fate);
  if (words.first() == "net") return parse_net(words, place);
  if (words.first() == "console") return parse_console(words);
  if (words.first() == "rng") return parse_rng(words);
  throw std::invalid_argument(
      fmt::format("'{}' is not a kind of device; there are blk, net, console and rng", words.first()));
}

std::string_view served_help() {
  return "Devices (--device, repeated; the first gets number 0):\n"
         "  blk,file=PATH          a disk in a file or block device\n"
         "  blk,memory=SIZE        a disk in this process's memory, lost when it ends\n"
         "      ,ro  ,id=TEXT  ,queues=N\n"
         "      ,cache=write-back      what is written may be in this kernel's memory until it is flushed\n"
         "      ,cache=write-through   it is in the file when the driver is told so; the default in a guest "
         "that serves,\n"
         "                             which may lose its memory while its driver lives on\n"
         "  net,tap=NAME           a TAP interface, which is made if it is missing\n"
         "  net,user               what this process can reach: NAT, 10.0.2.0/24, DHCP\n"
         "      ,restricted  ,forward=[tcp:|udp:]PORT:DRIVERPORT\n"
         "  net,echo               a network of one that sends every frame back\n"
         "      ,mac=XX:XX:XX:XX:XX:XX  ,mtu=N  ,queues=N (tap)\n"
         "  console,pty[=LINK]     a pseudo-terminal, to which LINK is made to lead\n"
         "  console,stdio          this process's standard input and output\n"
         "      ,keys                  Ctrl-C and the like are keys for the driver; end the process from "
         "elsewhere\n"
         "  console,echo           two ports that say what they hear\n"
         "      up to four ports: console,stdio,pty,pty=/run/debug\n"
         "  rng                    entropy of the kernel\n"
         "A comma inside a value is written twice.";
}

}  // namespace hawser::process
