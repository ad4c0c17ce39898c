// Runs grub.cfg: expands words, walks the tree, keeps variables, functions and what the commands have brought about.
//
// The commands themselves are in a table (commands.hpp); they see the interpreter through this header. A command that
// fails gives a Status, as in GRUB, and the run goes on. An Error ends the whole run: a bound has been passed.
//
// Two ways to run: *reading*, where `menuentry` collects items; and *booting*, where `linux` and its like collect what
// to load. Both are the same program text, so both are always possible; who runs it takes what it came for.
//
// A run ends early (halted()) where GRUB would leave the script for good: at `boot`, `reboot`, `halt`, `exit`, and
// after a `configfile` whose menu has items.
#pragma once

#include "config/configuration.hpp"
#include "config/grub/arguments.hpp"
#include "config/grub/script.hpp"
#include "config/grub/status.hpp"
#include "config/grub/variables.hpp"

#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace pvboot::config::grub {

/// A menu item together with what it runs.
struct ItemBody {
  Body body;
  std::vector<std::string> arguments; ///< $1 is the title
};

/// What `menuentry` and `submenu` have collected; both lists have the same length.
struct Collected {
  std::vector<MenuItem> items;
  std::vector<ItemBody> bodies;
};

/// What `linux` and its like have loaded.
struct Loaded {
  EntryKind kind = EntryKind::linux;
  FilePath kernel;
  std::string command_line;
  std::vector<Initrd> initrds;
  std::vector<Module> modules;
  std::optional<Error> broken; ///< an initrd or a module is missing: not to be booted
  bool mendable = false;       ///< the script asked for it: the next one that is found takes its place
};

enum class Mode : std::uint8_t {
  reading, ///< for the items; `configfile` reads on
  booting, ///< for what an entry loads; `configfile` is what it loads
};

/// Why a run ended before its end.
enum class Halt : std::uint8_t { none, boot, menu, reboot, poweroff, exit };

/// One call of a command.
struct Invocation {
  std::string_view name;
  std::span<const std::string> arguments;
  Body block; ///< `first` is 0 when there is none
  Script* script = nullptr;
  std::uint32_t line = 0;

  std::string place() const { return script->origin(line).text(); }
};

class Interpreter {
public:
  Interpreter(Environment& environment, std::uint64_t max_steps)
      : environment_(environment), contexts_(1), max_steps_(max_steps) {}

  /// Runs a file's text in the current context.
  Result<Status> run_file(const FilePath& file);
  Result<Status> run_text(const FilePath& file, std::string text, std::uint32_t first_line = 1);
  /// Runs a list with positional parameters of its own.
  Result<Status> run_body(const Body& body, std::vector<std::string> parameters);
  /// What `configfile` does: the file runs in a new context and the current menu gives way to its items. Without
  /// items the old context is back afterwards.
  Result<Status> run_configuration(const FilePath& file);

  // What commands see and change.
  Environment& environment() { return environment_; }
  Variables& variables() { return contexts_.back(); }
  Collected& collected() { return collected_; }
  std::optional<Loaded>& loaded() { return loaded_; }
  /// The first reason why nothing has been loaded.
  std::optional<Error>& load_failure() { return load_failure_; }
  Mode mode() const { return mode_; }
  WritePolicy writes() const { return writes_; }

  /// The value of a variable, the clock's ones included.
  std::string value_of(std::string_view name);
  Status last_status() const { return status_; }
  /// A path as a command's argument: without a device it is on $root.
  Result<FilePath> path(std::string_view text);

  Result<void> open_context();
  void close_context();
  Result<void> define_item(MenuItem item, ItemBody body);

  void halt(Halt why) { halt_ = why; }
  bool shifted(std::size_t count);
  bool set_parameters(std::span<const std::string> parameters);
  void return_from_function() { returning_ = true; }
  void break_loops(std::uint64_t count, bool go_on);
  bool in_function() const { return scope_ != nullptr; }
  /// Whether the script looks at what comes of the current command: it stands behind `if`, `while` or the like.
  bool status_is_tested() const { return tests_ != 0; }

  /// Text for the user.
  void print(std::string_view text);
  /// Notes what went wrong, with its place, and gives the status back.
  Status complain(const Invocation& at, Status status, std::string_view message, std::string_view detail = {});
  Status complain(const Invocation& at, const Error& error);

  /// Counts `steps` more; Code::too_large past the bound.
  Result<void> spend(std::uint64_t steps);

  // For those who run it.
  Halt halted() const { return halt_; }
  /// With `printing`, what is printed goes to the Environment's terminal too.
  void prepare(Mode mode, WritePolicy writes, bool printing);
  Collected take_collected() { return std::exchange(collected_, {}); }
  std::vector<std::string> take_messages();
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }
  void warn(std::string_view warning);

  /// Everything a run may change, for runs that must leave no trace.
  struct Snapshot {
    std::vector<Variables> contexts;
    std::vector<std::pair<std::string, Body>> functions;
  };
  Snapshot snapshot() const { return {contexts_, functions_}; }
  /// Back to `snapshot`, with nothing collected, loaded or halted. Scripts stay: items may refer to them.
  void restore(const Snapshot& snapshot);
  /// All steps to spend again, all of limits::items to define.
  void refill();
  std::size_t script_count() const { return scripts_.size(); }
  /// Forgets the scripts read since there were `count`; nothing may refer to them.
  void forget_scripts(std::size_t count) { scripts_.resize(count); }

private:
  struct Scope {
    std::vector<std::string> parameters;
    std::size_t shifted = 0;

    std::span<const std::string> visible() const { return std::span(parameters).subspan(shifted); }
  };
  class Deeper;

  Result<Status> run_list(Script& script, CommandIndex first);
  Result<Status> run_tested(Script& script, CommandIndex first);
  Result<Status> run_command(Script& script, CommandIndex index);
  Result<Status> run_simple(Script& script, const Command& command);
  Result<Status> run_condition(Script& script, CommandIndex index);
  Result<Status> run_for(Script& script, const Command& command);
  Result<Status> run_while(Script& script, const Command& command);
  Result<Status> call(const Invocation& invocation);
  Result<Status> call_function(const Body& body, std::span<const std::string> arguments);
  Result<void> define_function(Script& script, const Command& command);
  Result<Status> assign(const Invocation& invocation, std::size_t equals);
  void drop_if_unused(const Script* script);

  Result<std::vector<std::string>> expand(Script& script, std::uint32_t first_word, std::uint32_t count);
  Result<void> expand_part(const Part& part, ArgumentList& out);
  Result<void> expand_variable(const Part& part, ArgumentList& out);
  Result<void> expand_parameters(std::string_view name, bool quoted, ArgumentList& out);
  Result<std::string> translated(std::string_view text);

  bool interrupted() const { return halt_ != Halt::none || returning_ || breaks_ != 0; }
  const Body* find_function(std::string_view name) const;

  Environment& environment_;
  std::vector<std::unique_ptr<Script>> scripts_;
  std::vector<Variables> contexts_;
  std::vector<std::pair<std::string, Body>> functions_;
  Scope* scope_ = nullptr;
  Collected collected_;
  std::optional<Loaded> loaded_;
  std::optional<Error> load_failure_;
  std::size_t item_count_ = 0;
  std::size_t item_bytes_ = 0;

  Status status_ = Status::success;
  Halt halt_ = Halt::none;
  bool returning_ = false;
  std::uint64_t loops_ = 0;  ///< around the current command, in this function
  std::uint64_t breaks_ = 0; ///< loops still to leave
  bool continuing_ = false;  ///< the last of them goes on
  std::size_t tests_ = 0;    ///< conditions around the current command
  std::uint64_t max_steps_;
  std::uint64_t steps_ = 0;
  std::size_t depth_ = 0;

  Mode mode_ = Mode::reading;
  WritePolicy writes_ = WritePolicy::off;
  bool printing_ = false;
  std::vector<std::string> messages_;
  std::string message_line_;
  std::vector<std::string> warnings_;
};

} // namespace pvboot::config::grub
