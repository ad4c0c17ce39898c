#include "config/configuration.hpp"

#include "config/grub/grub_configuration.hpp"
#include "config/grub/limits.hpp"

namespace pvboot::config {

namespace {

using Reader = Result<std::unique_ptr<Configuration>> (*)(Environment&, const FilePath&, std::string,
                                                          const ReadOptions&);

/// One line a format.
constexpr struct {
  Format format;
  std::string_view ending; ///< of the names of its files
  std::size_t max_bytes;
  Reader read;
} formats[] = {
    {Format::grub, ".cfg", grub::limits::file_bytes, grub::GrubConfiguration::read},
};

} // namespace

std::optional<Format> format_of(std::string_view path) {
  for (const auto& known : formats)
    if (path.ends_with(known.ending))
      return known.format;
  return std::nullopt;
}

Result<std::unique_ptr<Configuration>> read_config(Environment& environment, const FilePath& file,
                                                   const ReadOptions& options) {
  for (const auto& known : formats)
    if (known.format == options.format) {
      std::string text = TRY_AT(environment.read(file, known.max_bytes), file.text());
      return read_config_text(environment, file, std::move(text), options);
    }
  return fail(Code::unsupported, "no reader for this format", file.text());
}

Result<std::unique_ptr<Configuration>> read_config_text(Environment& environment, const FilePath& file,
                                                        std::string text, const ReadOptions& options) {
  for (const auto& known : formats)
    if (known.format == options.format) {
      if (text.size() > known.max_bytes)
        return fail(Code::too_large, "the configuration is too large", file.text());
      return known.read(environment, file, std::move(text), options);
    }
  return fail(Code::unsupported, "no reader for this format", file.text());
}

} // namespace pvboot::config
