// What the tests of config/ share: files of the fixtures' folder, and one way to read a grub.cfg out of a string.
#pragma once

#include "config/configuration.hpp"
#include "table_environment.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

namespace pvboot::config {

inline std::string fixture(const std::string& name) {
  std::ifstream in(std::string(FIXTURES) + "/" + name, std::ios::binary);
  REQUIRE(in);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline const FilePath grub_cfg{{"xvda1"}, "/boot/grub/grub.cfg"};

/// A disk with one Debian filesystem, as the sample configurations expect it.
inline TableEnvironment debian_disk() {
  TableEnvironment environment;
  environment.add("xvda", {"hd0", "xen/xvda"});
  auto& root = environment.add("xvda1", {"hd0,gpt1", "hd0,1", "hd0,msdos1", "xen/xvda,gpt1"},
                               {"ext2", "5f6cdb5c-1b0d-4a9a-9f0e-0a0a5b1c2d3e", "root", "3f8a2b10-01", "gpt"});
  for (const char* version : {"6.1.0-32-amd64", "6.1.0-31-amd64"}) {
    root.files[std::string("/boot/vmlinuz-") + version] = "kernel";
    root.files[std::string("/boot/initrd.img-") + version] = "initrd";
  }
  root.files["/etc/passwd"] = "root";
  root.files["/boot/grub/grub.cfg"] = "";
  return environment;
}

inline std::unique_ptr<Configuration> read_grub(Environment& environment, std::string text, ReadOptions options = {}) {
  auto read = read_config_text(environment, grub_cfg, std::move(text), options);
  if (!read)
    FAIL(read.error().text());
  return std::move(*read);
}

/// What a configuration prints while it is read.
inline std::string run_grub(std::string text) {
  auto environment = debian_disk();
  read_grub(environment, std::move(text));
  return environment.printed;
}

/// The entry of a configuration with this body and nothing else.
inline Result<Entry> resolve_body(TableEnvironment& environment, const std::string& body,
                                  WritePolicy writes = WritePolicy::off) {
  return read_grub(environment, "menuentry 'x' {\n" + body + "\n}\n")->resolve({0}, writes);
}

} // namespace pvboot::config
