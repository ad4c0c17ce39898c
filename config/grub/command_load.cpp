// `linux`, `initrd`, `multiboot`, `module`, `kernel`, `chainloader` and their variants: what an entry loads.
//
// Nothing is read here; a file only has to be there. A kernel that is missing leaves nothing loaded, as in GRUB. An
// initrd or module that is missing makes what has been loaded unbootable: GRUB would boot without it, and the guest
// would be without its root filesystem. Only where the script asks whether it is there (`if initrd ...`), the next one
// that is found takes its place. A second `initrd` adds to the first.

#include "config/grub/commands.hpp"
#include "config/grub/limits.hpp"

namespace pvboot::config::grub {

namespace {

/// The file that `text` names, with its device's canonical name. It must be a regular file.
Result<FilePath> existing_file(Interpreter& interpreter, std::string_view text) {
  FilePath file = TRY(interpreter.path(text));
  file.device = TRY_AT(interpreter.environment().resolve(file.device), "(" + file.device.text + ")");
  if (!file.path.starts_with('/'))
    return fail(Code::invalid, "a path begins with \"/\"", file.text());
  const FileInfo info = TRY_AT(interpreter.environment().stat(file), file.text());
  if (info.kind != FileKind::regular)
    return fail(Code::invalid, "not a regular file", file.text());
  return file;
}

/// A block list names no file, but its device must be there.
Result<FilePath> file_or_blocks(Interpreter& interpreter, std::string_view text) {
  FilePath file = TRY(interpreter.path(text));
  if (file.path.empty() || file.path.starts_with('/'))
    return existing_file(interpreter, text);
  file.device = TRY_AT(interpreter.environment().resolve(file.device), "(" + file.device.text + ")");
  return file;
}

Error placed(const Invocation& invocation, Error error) {
  return std::move(error).at(std::string(invocation.name)).at(invocation.place());
}

std::span<const std::string> without_options(std::span<const std::string> words) {
  while (!words.empty() && words[0].starts_with("--"))
    words = words.subspan(1);
  return words;
}

Result<Status> load(Interpreter& interpreter, const Invocation& invocation, EntryKind kind,
                    std::span<const std::string> words) {
  interpreter.loaded().reset();
  if (words.empty())
    return interpreter.complain(invocation, Status::bad_argument, "a file's name is expected");
  auto file =
      kind == EntryKind::chainloader ? file_or_blocks(interpreter, words[0]) : existing_file(interpreter, words[0]);
  if (!file) {
    if (!interpreter.load_failure())
      interpreter.load_failure() = placed(invocation, file.error());
    return interpreter.complain(invocation, file.error());
  }
  Loaded loaded;
  loaded.kind = kind;
  loaded.kernel = std::move(*file);
  loaded.command_line = join_command_line(words.subspan(1));
  interpreter.loaded() = std::move(loaded);
  return Status::success;
}

/// The kernel that an initrd or a module goes with; nullptr after a complaint.
Loaded* kernel_for(Interpreter& interpreter, const Invocation& invocation, Status& status) {
  if (invocation.arguments.empty()) {
    status = interpreter.complain(invocation, Status::bad_argument, "a file's name is expected");
  } else if (!interpreter.loaded()) {
    status = interpreter.complain(invocation, Status::bad_argument, "there is no kernel that it could go with");
  } else {
    return &*interpreter.loaded();
  }
  return nullptr;
}

Status break_entry(Interpreter& interpreter, const Invocation& invocation, Loaded& loaded, const Error& error) {
  if (!loaded.broken || loaded.mendable) {
    loaded.broken = placed(invocation, error);
    loaded.mendable = interpreter.status_is_tested();
  }
  return interpreter.complain(invocation, error);
}

void mend_entry(Loaded& loaded) {
  if (loaded.mendable)
    loaded.broken.reset();
}

Result<Initrd> initrd(Interpreter& interpreter, std::string_view word) {
  constexpr std::string_view prefix = "newc:";
  if (!word.starts_with(prefix))
    return Initrd{TRY(existing_file(interpreter, word)), {}};
  word.remove_prefix(prefix.size());
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(Code::invalid, "\"newc:NAME:FILE\" is expected");
  if (colon > limits::newc_name)
    return fail(Code::too_large, "newc: a name of more than 1,023 bytes");
  return Initrd{TRY(existing_file(interpreter, word.substr(colon + 1))), std::string(word.substr(0, colon))};
}

} // namespace

Result<Status> run_linux(Interpreter& interpreter, const Invocation& invocation) {
  return load(interpreter, invocation, EntryKind::linux, invocation.arguments);
}

Result<Status> run_multiboot(Interpreter& interpreter, const Invocation& invocation) {
  return load(interpreter, invocation, EntryKind::multiboot, without_options(invocation.arguments));
}

Result<Status> run_kernel(Interpreter& interpreter, const Invocation& invocation) {
  return load(interpreter, invocation, EntryKind::kernel, without_options(invocation.arguments));
}

Result<Status> run_chainloader(Interpreter& interpreter, const Invocation& invocation) {
  return load(interpreter, invocation, EntryKind::chainloader, without_options(invocation.arguments));
}

Result<Status> run_initrd(Interpreter& interpreter, const Invocation& invocation) {
  Status status = Status::success;
  Loaded* loaded = kernel_for(interpreter, invocation, status);
  if (!loaded)
    return status;
  std::vector<Initrd> found;
  for (const std::string& word : invocation.arguments) {
    auto one = initrd(interpreter, word);
    if (!one)
      return break_entry(interpreter, invocation, *loaded, one.error());
    found.push_back(std::move(*one));
    if (loaded->initrds.size() + found.size() > limits::initrds)
      return break_entry(interpreter, invocation, *loaded, Error(Code::too_large, "too many initrds"));
  }
  mend_entry(*loaded);
  for (Initrd& one : found)
    loaded->initrds.push_back(std::move(one));
  return Status::success;
}

Result<Status> run_module(Interpreter& interpreter, const Invocation& invocation) {
  Status status = Status::success;
  Loaded* loaded = kernel_for(interpreter, invocation, status);
  if (!loaded)
    return status;
  const auto words = without_options(invocation.arguments);
  if (words.empty())
    return interpreter.complain(invocation, Status::bad_argument, "a file's name is expected");
  auto file = existing_file(interpreter, words[0]);
  if (!file)
    return break_entry(interpreter, invocation, *loaded, file.error());
  if (loaded->modules.size() >= limits::initrds)
    return break_entry(interpreter, invocation, *loaded, Error(Code::too_large, "too many modules"));
  std::string line = join_command_line(words.subspan(1));
  if (line.size() > limits::module_line)
    return break_entry(interpreter, invocation, *loaded,
                       Error(Code::too_large, "the words of a module are more than 4,095 bytes"));
  mend_entry(*loaded);
  loaded->modules.push_back({std::move(*file), std::move(line)});
  return Status::success;
}

} // namespace pvboot::config::grub
