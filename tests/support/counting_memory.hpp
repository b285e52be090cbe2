// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A region whose loads and door calls are counted: so that "bounded work" is a number.
#pragma once

#include <hawser/transport/memory.hpp>

#include <cstdint>

namespace hawser::test {

class CountingMemory {
 public:
  class Area : public RegionMemory::Area {
    using Base = RegionMemory::Area;

   public:
    Area() = default;
    Area(Base base, std::uint64_t* touches) : Base(base), touches_(touches) {}

    template <SharedWord T>
    T load(std::size_t at) const {
      ++*touches_;
      return Base::load<T>(at);
    }
    template <SharedWord T>
    T observe(std::size_t at) const {
      ++*touches_;
      return Base::observe<T>(at);
    }
    void read(std::size_t at, std::span<std::byte> out) const {
      ++*touches_;
      Base::read(at, out);
    }

   private:
    std::uint64_t* touches_ = nullptr;
  };

  CountingMemory() = default;
  CountingMemory(RegionMemory memory, std::uint64_t& touches) : memory_(memory), touches_(&touches) {}

  std::uint64_t size() const { return memory_.size(); }
  Result<Area, DoorError> area(Offset offset, std::uint64_t bytes, std::uint64_t align) const {
    ++*touches_;
    auto area = memory_.area(offset, bytes, align);
    if (!area.ok()) return Err{area.error()};
    return Area(*area, touches_);
  }
  void full_fence() const { memory_.full_fence(); }

 private:
  RegionMemory memory_;
  std::uint64_t* touches_ = nullptr;
};

static_assert(Memory<CountingMemory>);

}  // namespace hawser::test
