// The host command `pvboot`: looks at guest disks and kernels with the loader's own code, and says what the loader
// would do with them.
#include "tools/pvboot/command.hpp"
#include "tools/pvboot/guest_disks.hpp"
#include "tools/pvboot/output.hpp"
#include "tools/pvboot/version.hpp"

#include "base/text.hpp"

#include <CLI/CLI.hpp>
#include <memory>

namespace {

using namespace pvboot;
using namespace pvboot::tools;

using Command = Result<void> (*)(const Arguments&);

/// All positionals are required, and their names say which may be repeated; the library would add "TEXT x 2".
class HelpText final : public CLI::Formatter {
  std::string make_option_usage(const CLI::Option* option) const override { return make_option_name(option, true); }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_positional() ? "" : Formatter::make_option_opts(option);
  }
};

CLI::App* add(CLI::App& app, const char* name, const char* what, Command command, Command& chosen) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->callback([command, &chosen] { chosen = command; });
  return sub;
}

void add_images_and_path(CLI::App* sub, std::vector<std::string>& positional) {
  sub->add_option("IMAGE... PATH", positional,
                  "The guest's disks in order (xvda, xvdb, ...; 26 at most), then a path: (xvda1)/boot/vmlinuz, or "
                  "/boot/vmlinuz on the first filesystem that has it")
      ->required()
      ->expected(2, 27);
}

void add_images(CLI::App* sub, Arguments& arguments) {
  sub->add_option("IMAGE...", arguments.images, "The guest's disks in order (xvda, xvdb, ...; 26 at most)")
      ->required()
      ->expected(1, 26);
  sub->add_option("--extra", arguments.extra, "The xl config's extra= string");
}

// Names that come from a guest's disk must not reach the terminal as they are.
Exit refuse(std::string_view what, Exit code) {
  print_err("pvboot: {}\n", printable(what, 2000));
  return code;
}

/// All has been printed, and the command would end with `code`.
Exit finish(Exit code) { return flush_out() ? code : refuse("cannot write to standard output", exit_refused); }

} // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> positional;
  Command chosen = nullptr;

  CLI::App app("Looks at Xen PV guests' disks and kernels as the pvboot loader does.", "pvboot");
  app.formatter(std::make_shared<HelpText>());
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.footer("Exit status: 0 ok, 1 refused, not found, or something could not be read or written, 2 usage.");

  CLI::App* ls = add(app, "ls", "List a directory of the guest", list_directory, chosen);
  CLI::App* cat = add(app, "cat", "Write a file of the guest to standard output", print_file, chosen);
  CLI::App* stat = add(app, "stat", "Tell a file's type, size and layout", print_stat, chosen);
  for (CLI::App* sub : {ls, cat, stat})
    add_images_and_path(sub, positional);

  CLI::App* entries =
      add(app, "entries", "List the boot entries of the guest's own configuration", print_entries, chosen);
  add_images(entries, arguments);

  CLI::App* plan = add(app, "plan", "Show what the loader would build in memory for an entry", print_plan, chosen);
  add_images(plan, arguments);
  plan->add_option("--entry", arguments.entry, "An entry's number, id or title; the default entry without it");
  plan->add_option("--memory", arguments.memory_mib, "The guest's memory in MiB")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1u << 24));

  CLI::App* inspect =
      add(app, "inspect", "Tell what a kernel file is and whether it can be booted", inspect_kernel, chosen);
  inspect->add_option("KERNEL", arguments.kernel, "A bzImage or ELF file on this host")->required();

  for (CLI::App* sub : {ls, stat, entries, plan, inspect})
    sub->add_flag("--json", arguments.json, "Print JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return finish(app.exit(error) == 0 ? exit_ok : exit_usage);
  }
  if (!positional.empty()) {
    arguments.path = positional.back();
    positional.pop_back();
    arguments.images = positional;
    if (!GuestDisks::is_path(arguments.path))
      return refuse(arguments.path + ": a path is /name or (device)/name", exit_usage);
  }
  const auto result = chosen(arguments);
  const Exit written = finish(exit_ok); // what was found stands before what is wrong with it
  return result ? written : refuse(result.error().text(), exit_refused);
}
