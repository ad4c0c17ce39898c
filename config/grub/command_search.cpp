// `search` and `probe`: which device is it, and what is on it.
//
// Devices are tried in this order: the hints (a hint that ends in "," also means the partitions of that disk), then
// all that the Environment lists. Hints for other machines than this one (--hint-bios and its like) are passed over,
// but --hint-baremetal, which GRUB takes everywhere, is not. A UUID is compared without regard to case.

#include "base/text.hpp"
#include "config/grub/commands.hpp"

#include <algorithm>

namespace pvboot::config::grub {

namespace {

enum class Criterion : std::uint8_t { file, label, uuid };

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

DeviceName device_name(std::string_view text) {
  if (text.size() >= 2 && text.front() == '(' && text.back() == ')')
    text = text.substr(1, text.size() - 2);
  return DeviceName{std::string(text)};
}

class Search {
public:
  Search(Interpreter& interpreter, Criterion criterion, std::string_view key)
      : interpreter_(interpreter), criterion_(criterion), key_(key) {}

  /// Devices that fit, the first only unless `all`.
  Result<std::vector<DeviceName>> run(const std::vector<std::string>& hints, bool all) {
    for (std::string_view hint : hints) {
      const bool with_partitions = hint.ends_with(',');
      if (with_partitions)
        hint.remove_suffix(1);
      std::vector<DeviceName> candidates{device_name(hint)};
      if (with_partitions)
        if (auto on_disk = interpreter_.environment().devices_on(candidates[0]))
          candidates = std::move(*on_disk);
      TRY(try_all(candidates, all));
    }
    TRY(try_all(interpreter_.environment().devices(), all));
    return std::move(found_);
  }

private:
  Result<void> try_all(const std::vector<DeviceName>& candidates, bool all) {
    for (const DeviceName& candidate : candidates) {
      if (!all && !found_.empty())
        return {};
      TRY(interpreter_.spend(1));
      const auto device = interpreter_.environment().resolve(candidate);
      if (device && std::find(found_.begin(), found_.end(), *device) == found_.end() && fits(*device))
        found_.push_back(*device);
    }
    return {};
  }

  bool fits(const DeviceName& device) {
    Environment& environment = interpreter_.environment();
    if (criterion_ == Criterion::file) {
      const auto info = environment.stat({device, std::string(key_)});
      return info && info->kind != FileKind::directory;
    }
    const auto info = environment.probe(device);
    if (!info || info->fs.empty())
      return false;
    return criterion_ == Criterion::label ? info->label == key_ : same_without_case(info->uuid, key_);
  }

  Interpreter& interpreter_;
  Criterion criterion_;
  std::string_view key_;
  std::vector<DeviceName> found_;
};

/// Searches, and sets `variable`, or without one prints what there is.
Result<Status> search(Interpreter& interpreter, const Invocation& invocation, Criterion criterion,
                      const std::string& key, const std::string& variable, const std::vector<std::string>& hints) {
  const auto found = TRY(Search(interpreter, criterion, key).run(hints, variable.empty()));
  if (found.empty())
    return interpreter.complain(invocation, Status::file_not_found, "no such device", key);
  if (!variable.empty()) {
    TRY_AT(interpreter.variables().set(variable, found.front().text), invocation.place());
    return Status::success;
  }
  for (const DeviceName& device : found)
    interpreter.print(" " + device.text);
  return Status::success;
}

Result<Status> search_by(Interpreter& interpreter, const Invocation& invocation, Criterion criterion) {
  const auto words = invocation.arguments;
  if (words.empty())
    return interpreter.complain(invocation, Status::bad_argument, "an argument is expected");
  const std::string variable = words.size() > 1 ? words[1] : std::string();
  std::vector<std::string> hints;
  if (words.size() > 2)
    hints.assign(words.begin() + 2, words.end());
  return search(interpreter, invocation, criterion, words[0], variable, hints);
}

enum SearchOption : std::size_t { by_file, by_label, by_uuid, set_variable, no_floppy, hint, hint_baremetal };

constexpr OptionSpec search_options[] = {
    {"file", 'f'},
    {"label", 'l'},
    {"fs-uuid", 'u'},
    {"set", 's', OptionSpec::Value::optional},
    {"no-floppy", 'n'},
    {"hint", 'h', OptionSpec::Value::required},
    {"hint-baremetal", 0, OptionSpec::Value::required},
    {"hint-ieee1275", 0, OptionSpec::Value::required},
    {"hint-bios", 0, OptionSpec::Value::required},
    {"hint-efi", 0, OptionSpec::Value::required},
    {"hint-arc", 0, OptionSpec::Value::required},
};

} // namespace

Result<Status> run_search(Interpreter& interpreter, const Invocation& invocation) {
  auto parsed = parse_arguments(search_options, invocation.arguments, true);
  if (!parsed)
    return interpreter.complain(invocation, parsed.error());
  // Hints and restrictions of other GRUBs (Fedora's --root-dev-only) come out as words.
  std::erase_if(parsed->words, [](const std::string& word) { return word.starts_with("--"); });

  std::string variable;
  std::string key;
  const std::string* set_to = parsed->value(set_variable);
  if (parsed->has(set_variable))
    variable = set_to ? *set_to : "root";
  if (!parsed->words.empty()) {
    key = parsed->words.front();
  } else if (set_to) {
    key = *set_to; // `search --fs-uuid --set UUID`
    variable = "root";
  } else {
    return interpreter.complain(invocation, Status::bad_argument, "an argument is expected");
  }

  std::vector<std::string> hints;
  for (const std::size_t kind : {hint, hint_baremetal})
    for (const auto& given : parsed->options)
      if (given.option == kind)
        hints.push_back(*given.value);
  if (parsed->has(by_label))
    return search(interpreter, invocation, Criterion::label, key, variable, hints);
  if (parsed->has(by_uuid))
    return search(interpreter, invocation, Criterion::uuid, key, variable, hints);
  if (parsed->has(by_file))
    return search(interpreter, invocation, Criterion::file, key, variable, hints);
  return interpreter.complain(invocation, Status::invalid_command, "search for what? --file, --label or --fs-uuid");
}

Result<Status> run_search_by_file(Interpreter& interpreter, const Invocation& invocation) {
  return search_by(interpreter, invocation, Criterion::file);
}

Result<Status> run_search_by_label(Interpreter& interpreter, const Invocation& invocation) {
  return search_by(interpreter, invocation, Criterion::label);
}

Result<Status> run_search_by_uuid(Interpreter& interpreter, const Invocation& invocation) {
  return search_by(interpreter, invocation, Criterion::uuid);
}

Result<Status> run_probe(Interpreter& interpreter, const Invocation& invocation) {
  enum : std::size_t { set, driver, partmap, fs, uuid, label, partuuid };
  constexpr OptionSpec specs[] = {
      {"set", 's', OptionSpec::Value::required},
      {"driver", 'd'},
      {"partmap", 'p'},
      {"fs", 'f'},
      {"fs-uuid", 'u'},
      {"label", 'l'},
      {"part-uuid"},
  };
  const auto parsed = parse_arguments(specs, invocation.arguments);
  if (!parsed)
    return interpreter.complain(invocation, parsed.error());
  if (parsed->words.empty())
    return interpreter.complain(invocation, Status::bad_argument, "a device's name is expected");
  const auto info = interpreter.environment().probe(device_name(parsed->words.front()));
  if (!info)
    return interpreter.complain(invocation, info.error());

  std::string value;
  bool may_be_none = true;
  if (parsed->has(driver)) {
    value = "xen"; // every disk here is a Xen one
  } else if (parsed->has(partmap)) {
    value = info->partmap;
  } else if (parsed->has(partuuid)) {
    value = info->partuuid;
  } else if (info->fs.empty()) {
    return interpreter.complain(invocation, Status::unknown_filesystem, "no known filesystem");
  } else {
    may_be_none = false;
    value = parsed->has(fs) ? info->fs : parsed->has(uuid) ? info->uuid : parsed->has(label) ? info->label : "";
  }
  if (value.empty() && may_be_none)
    value = "none";
  if (value.empty())
    return interpreter.complain(invocation, Status::not_implemented, "there is no such thing on this device");
  const std::string* variable = parsed->value(set);
  if (!variable) {
    interpreter.print(value);
    return Status::success;
  }
  TRY_AT(interpreter.variables().set(*variable, value), invocation.place());
  return Status::success;
}

} // namespace pvboot::config::grub
