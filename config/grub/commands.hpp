// The table of commands.
//
// A handler takes its Invocation and gives a Status; it complains (Interpreter::complain) about what its user should
// know. An Error from a handler ends the run and is for bounds only.
//
// Commands that only make sense with a screen, a keyboard or firmware are here too, and fail in silence as they do in
// GRUB for PV guests. A name that is not in the table is a function, an assignment, or unknown.
#pragma once

#include "config/grub/interpreter.hpp"

namespace pvboot::config::grub {

using Handler = Result<Status> (*)(Interpreter&, const Invocation&);

/// The command of that name, or nullptr.
Handler find_command(std::string_view name);

// One file each; commands.cpp has the small ones and the table.
Result<Status> run_test(Interpreter&, const Invocation&);
Result<Status> run_search(Interpreter&, const Invocation&);
Result<Status> run_search_by_file(Interpreter&, const Invocation&);
Result<Status> run_search_by_label(Interpreter&, const Invocation&);
Result<Status> run_search_by_uuid(Interpreter&, const Invocation&);
Result<Status> run_probe(Interpreter&, const Invocation&);
Result<Status> run_menuentry(Interpreter&, const Invocation&);
Result<Status> run_submenu(Interpreter&, const Invocation&);
Result<Status> run_linux(Interpreter&, const Invocation&);
Result<Status> run_multiboot(Interpreter&, const Invocation&);
Result<Status> run_kernel(Interpreter&, const Invocation&);
Result<Status> run_chainloader(Interpreter&, const Invocation&);
Result<Status> run_initrd(Interpreter&, const Invocation&);
Result<Status> run_module(Interpreter&, const Invocation&);
Result<Status> run_load_env(Interpreter&, const Invocation&);
Result<Status> run_save_env(Interpreter&, const Invocation&);
Result<Status> run_list_env(Interpreter&, const Invocation&);
Result<Status> run_regexp(Interpreter&, const Invocation&);

} // namespace pvboot::config::grub
