// How much a grub.cfg may ask for. The text comes from the guest's disk, so everything that it can make grow has a
// bound, each far above what update-grub writes: a stock entry takes about 1.5 KiB of text and 4 KiB of tree.
//
// The two depths bound the stack: about 1.2 KiB a level of `nesting` while parsing and 1.4 KiB a level of `call_depth`
// while running, at worst both at once, so that 48 KiB of the loader's 128 are enough.
#pragma once

#include "base/units.hpp"

#include <cstddef>

namespace pvboot::config::grub::limits {

constexpr std::size_t file_bytes = 256_KiB;     ///< one configuration file
constexpr std::size_t source_bytes = 512_KiB;   ///< all files that are in use at once
constexpr std::size_t tree_bytes = 1536_KiB;    ///< their syntax trees
constexpr std::size_t nesting = 16;             ///< blocks in blocks, as written
constexpr std::size_t call_depth = 20;          ///< statements in statements, as run; files and functions count
constexpr std::size_t string_bytes = 64_KiB;    ///< one value, one argument
constexpr std::size_t argument_bytes = 128_KiB; ///< all arguments of one command
constexpr std::size_t arguments = 4096;
constexpr std::size_t variables = 1024;
constexpr std::size_t variable_bytes = 128_KiB; ///< names and values together
constexpr std::size_t contexts = 10;            ///< submenus and configurations in one another
constexpr std::size_t functions = 512;
constexpr std::size_t items = 1024; ///< menu entries and submenus, all levels together
constexpr std::size_t item_bytes = 512_KiB;
constexpr std::size_t initrds = 64;       ///< and modules, of one entry
constexpr std::size_t newc_name = 1023;   ///< under which one initrd is wrapped
constexpr std::size_t module_line = 4095; ///< the words of one module
constexpr std::size_t messages = 64;
constexpr std::size_t message_bytes = 512;

} // namespace pvboot::config::grub::limits
